/** The layout's rules hold: what ESLint refuses, and what it can't see. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ESLint, type Linter } from "eslint";
import ts from "typescript";

jest.setTimeout(60_000);

const root = join(__dirname, "..", "..");
// eslint-disable-next-line @typescript-eslint/no-require-imports -- the repository's own; ESLint would import() it, which jest can't
const config = require("../../eslint.config.js") as Linter.Config[];
const eslint = new ESLint({ cwd: root, overrideConfigFile: true, overrideConfig: config });

/** What ESLint says about imports of a file that would be at a path. */
async function importProblems(filePath: string, from: string): Promise<string[]> {
  const [{ messages }] = await eslint.lintText(`import { x } from "${from}";\n\nexport const y = x;\n`, { filePath: join(root, filePath) });
  return messages.filter(({ ruleId }) => /import/.test(ruleId ?? "fatal import")).map(({ ruleId, message }) => `${ruleId}: ${message}`);
}

describe("ESLint refuses", () => {
  test.each([
    ["constructs/new.ts", "@cdktf/provider-hcloud", /never the index of a provider package/],
    ["constructs/new.ts", "@cdktf/provider-tls", /never the index of a provider package/],
    ["constructs/new.ts", "@cdktf/provider-hcloud/lib", /never the index of a provider package/],
    ["stacks/new.ts", "@cdktf/provider-hcloud/lib/index", /never the index of a provider package/],
    ["stacks/new.ts", "@cdktf/provider-random/lib/lazy-index", /never the index of a provider package/],
    ["constructs/new.ts", "cdktf/lib/tokens/token", /import from 'cdktf' only/],
    ["constructs/new.ts", "cdktn", /import from 'cdktf' only/],
    ["constructs/new.ts", "cdktn/lib/app", /import from 'cdktf' only/],
    ["config/new.ts", "cdktf", /this folder never imports cdktf/],
    ["config/new.ts", "constructs", /this folder never imports cdktf/],
    ["config/rules/new.ts", "@cdktf/provider-hcloud/lib/server", /this folder never imports cdktf/],
    ["render/new.ts", "cdktf", /this folder never imports cdktf/],
    ["render/new.ts", "../config/topology", /render is pure/],
    ["render/new.ts", "../constructs/terraform", /render is pure/],
    ["config/new.ts", "../render/writers", /config is plain data/],
    ["config/new.ts", "../stacks/foundation", /config is plain data/],
    ["constructs/new.ts", "../stacks/foundation", /constructs don't know who wires them/],
    ["constructs/host/new.ts", "../../cli/leave", /constructs don't know who wires them/],
    ["constructs/new.ts", "../rehearsal/synth", /constructs don't know who wires them/],
    ["stacks/new.ts", "../rehearsal/synth", /stacks only wire/],
    ["stacks/new.ts", "../cli/leave", /stacks only wire/],
    ["cli/new.ts", "../stacks/foundation", /commands work on what was synthesized/],
    ["cli/new.ts", "../constructs/terraform", /commands work on what was synthesized/],
    ["packages/hetzner-local/src/new.ts", "../../../config/topology", /the package is independent/],
  ])("%s: %s", async (file, from, message) => {
    expect(await importProblems(file, from)).toContainEqual(expect.stringMatching(message));
  });

  test("a cycle", async () => {
    expect(await importProblems("constructs/host/host-file.ts", "../identity/machine-identity")).toEqual([expect.stringMatching(/no-cycle/)]);
  });
});

describe("ESLint accepts", () => {
  test.each([
    ["constructs/new.ts", "@cdktf/provider-hcloud/lib/server"],
    ["constructs/new.ts", "@cdktf/provider-tls/lib/private-key"],
    ["constructs/new.ts", "cdktf"],
    ["constructs/new.ts", "../render/writers"],
    ["constructs/new.ts", "../config/catalog"],
    ["stacks/new.ts", "../constructs/host/host"],
    ["stacks/new.ts", "../config/topology"],
    ["config/rules/new.ts", "../catalog"],
    ["render/new.ts", "yaml"],
    ["cli/new.ts", "../config/environments"],
    ["rehearsal/new.ts", "../config/topology"],
    ["rehearsal/new.ts", "hetzner-local"],
  ])("%s: %s", async (file, from) => {
    expect(await importProblems(file, from)).toEqual([]);
  });
});

/** The TypeScript files below folders of the repository. */
function sources(folders: readonly string[]): { name: string; file: ts.SourceFile }[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !/node_modules|__tests__|\/dist\//.test(name))
      .map((name) => join(root, folder, name))
      .map((path) => ({ name: relative(root, path), file: ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ES2022, true) })),
  );
}

function descendants(node: ts.Node): ts.Node[] {
  const found: ts.Node[] = [];
  ts.forEachChild(node, (child) => found.push(child, ...descendants(child)));
  return found;
}

function isExported(node: ts.Node): boolean {
  return ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
}

function linesOf(file: ts.SourceFile, node: ts.Node): number {
  return file.getLineAndCharacterOfPosition(node.getEnd()).line - file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
}

describe("sources", () => {
  const product = ["config", "render", "constructs", "stacks", "cli", "rehearsal"];

  test("every optional property of an exported interface says its default", () => {
    const silent = sources(["constructs", "stacks", "config", "render"]).flatMap(({ name, file }) =>
      descendants(file)
        .filter((node): node is ts.InterfaceDeclaration => ts.isInterfaceDeclaration(node) && isExported(node))
        .flatMap((declaration) => declaration.members.map((member) => ({ declaration, member })))
        .filter(({ member }) => ts.isPropertySignature(member) && member.questionToken !== undefined)
        .filter(({ member }) => !ts.getJSDocTags(member).some(({ tagName }) => tagName.text === "default"))
        .map(({ declaration, member }) => `${name}: ${declaration.name.text}.${member.name?.getText(file)}`),
    );
    expect(silent).toEqual([]);
  });

  test("no file is longer than 300 lines", () => {
    const long = sources([...product, "packages/hetzner-local/src", "bench"]).filter(({ file }) => file.getLineStarts().length - 1 > 300);
    expect(long.map(({ name }) => name)).toEqual([]);
  });

  test("no constructor is longer than 50 lines", () => {
    const long = sources(product).flatMap(({ name, file }) =>
      descendants(file)
        .filter(ts.isConstructorDeclaration)
        .filter((node) => linesOf(file, node) > 50)
        .map((node) => `${name}: ${linesOf(file, node)} lines`),
    );
    expect(long).toEqual([]);
  });

  test("stacks branch on no environment's name", () => {
    for (const { name, file } of sources(["stacks", "constructs"])) {
      expect([name, /["'`](dev|staging|production)["'`]/.test(file.text)]).toEqual([name, false]);
    }
  });
});
