import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { defineEnvironment, Environment, EnvironmentInput } from "../config/environment";
import { dev } from "../config/environments/dev";
import { machines, slots } from "../config/topology";

const root = join(__dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = [...readme.matchAll(/```(\w*)\n([\s\S]*?)```/g)].map(([, language, text]) => ({ language, text }));

function evaluate(text: string): Environment {
  const { outputText } = ts.transpileModule(text, { compilerOptions: { module: ts.ModuleKind.CommonJS } });
  const exported: Record<string, Environment> = {};
  new Function("exports", "defineEnvironment", outputText)(exported, defineEnvironment);
  return Object.values(exported)[0];
}

describe("README", () => {
  const [example, imports] = blocks.filter(({ language }) => language === "ts").map(({ text }) => text);

  test("its TypeScript compiles in strict mode", () => {
    const directory = mkdtempSync(join(root, "__tests__", "readme-"));
    try {
      const files = [`import { defineEnvironment } from "../../config/environment";\n${example}`, `${imports}export { Host, Server };\n`];
      const paths = files.map((text, index) => join(directory, `block-${index}.ts`));
      paths.forEach((path, index) => writeFileSync(path, files[index]));
      const program = ts.createProgram(paths, {
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        module: ts.ModuleKind.Node16,
        moduleResolution: ts.ModuleResolutionKind.Node16,
        target: ts.ScriptTarget.ES2022,
        types: ["node"],
        paths: { triplicate: [join(root, "constructs/index.ts")] },
      });
      const problems = ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
      expect(problems).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }, 60_000);

  test("its example creates what it says: five machines in each of three data centers, a volume each for Postgres", () => {
    const environment = evaluate(example);
    const perDataCenter = environment.dataCenters.map(({ location }) => machines(environment, location).map(({ role }) => role));
    expect(perDataCenter).toEqual(Array(3).fill(["kubernetesServer", "kubernetesAgent", "postgres", "worker", "worker"]));
    expect(Object.values(environment.pools).map(({ volumes }) => volumes.length)).toEqual([0, 0, 1, 0, 0]);
    expect(slots(environment).filter(({ role, dataCenter }) => role === "worker" && dataCenter === "fsn1")).toHaveLength(8);
  });

  test("its error report is what a wrong description gets", () => {
    const wrong: EnvironmentInput = {
      name: "dev",
      domain: "dev.example.com",
      adminCidrs: ["0.0.0.0/0"],
      dataCenters: { fsn1: {}, nbg1: {}, hel1: {} },
      pools: {
        postgres: { serverType: "cx23", count: { fsn1: 2, nbg1: 1, hel1: 1 }, volumes: [{ name: "data", sizeGb: 10 }] },
      },
      backend: { ...dev.backend },
    };
    const shown = blocks.find(({ text }) => text.startsWith("environment 'dev' has"))!.text.trimEnd();
    expect(() => defineEnvironment(wrong)).toThrow(expect.objectContaining({ message: shown }));
  });

  test("its links lead to files that exist", () => {
    const links = [...readme.matchAll(/\]\((?!http)([^)#]+)\)/g)].map(([, link]) => link);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) expect(() => readFileSync(join(root, link === "docs/adr" ? "docs/adr/0001-cdktf-and-its-fork.md" : link))).not.toThrow();
  });
});
