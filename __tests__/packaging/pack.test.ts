/** What other teams install: packed as released, installed in a project outside this repository, and used there. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parseTar } from "nanotar";
import { readCloudConfig } from "../../rehearsal/cloud-config";
import { repositoryRoot, Terraform, terraformEnvironment } from "../../rehearsal/terraform";
import { unescapeTemplate } from "../support/template";
import { Block, resource, StackJson } from "../support/synth";

jest.setTimeout(180_000);

const root = repositoryRoot();
const workspace = mkdtempSync(join(tmpdir(), "triplicate-pack-"));
const packages = join(workspace, "packages");
const project = join(workspace, "own-host");
const { devDependencies, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { devDependencies: Record<string, string>; version: string };

function run(command: string, args: string[], cwd = project): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, CHECKPOINT_DISABLE: "1", NODE_ENV: undefined, CDKTF_OUTDIR: undefined };
  return spawnSync(command, args, { cwd, encoding: "utf8", env });
}

function succeed(command: string, args: string[], cwd = project): string {
  const { status, stdout, stderr } = run(command, args, cwd);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}:\n${stdout}\n${stderr}`);
  return stdout;
}

/** The tarball of a package, by the beginning of its name. */
function tarball(prefix: string): string {
  return join(packages, readdirSync(packages).find((name) => name.startsWith(prefix))!);
}

function filesIn(file: string): string[] {
  return parseTar(new Uint8Array(gunzipSync(readFileSync(file)))).map(({ name }) => name.replace(/^package\//, ""));
}

beforeAll(() => {
  succeed(process.execPath, [join(root, "tools", "pack.js"), packages], root);
  mkdirSync(project);
  cpSync(join(root, "examples", "own-host", "main.ts"), join(project, "main.ts"));
  const manifest = { name: "own-host", private: true, dependencies: { "@cdktf/provider-tls": "11.0.1" } };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
  const compilerOptions = { strict: true, target: "ES2022", module: "node16", moduleResolution: "node16", skipLibCheck: true, types: ["node"] };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
  const pinned = ["cdktf", "constructs", "typescript", "@types/node"].map((name) => `${name}@${devDependencies[name]}`);
  const tarballs = [tarball("triplicate-"), tarball("cdktf-provider-hcloud-")];
  succeed("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error", ...pinned, ...tarballs]);
});

afterAll(() => rmSync(workspace, { recursive: true, force: true }));

describe("the tarball", () => {
  test("holds the programs for hosts, compiled code with types, and the command", () => {
    const files = filesIn(tarball("triplicate-"));
    const assets = readdirSync(join(root, "assets"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
    expect(assets.length).toBeGreaterThan(5);
    for (const file of [...assets, "dist/constructs/index.js", "dist/constructs/index.d.ts", "dist/cli/main.js", "LICENSE", "package.json"]) {
      expect(files).toContain(file);
    }
  });

  test("holds no test, no source, no rehearsal, and none of this platform's environments", () => {
    const surplus = /__tests__|\.test\.|__pycache__|\.pyc$|\.map$|(^|\/)(lab|rehearsal|bench|tools|stacks|environments)\/|tsbuildinfo/;
    const files = filesIn(tarball("triplicate-"));
    expect(files.filter((file) => surplus.test(file) || (file.endsWith(".ts") && !file.endsWith(".d.ts")))).toEqual([]);
  });

  test("of the bindings holds a module per resource, and no generator or schema", () => {
    const files = filesIn(tarball("cdktf-provider-hcloud-"));
    expect(files).toContain("lib/server/index.js");
    expect(files.filter((file) => !/^(lib\/.*\.(js|d\.ts)|package\.json|LICENSE|README\.md)$/.test(file))).toEqual([]);
  });

  test("of the local cloud is its compiled code", () => {
    const files = filesIn(tarball("hetzner-local-"));
    expect(files).toContain("dist/index.js");
    expect(files.filter((file) => !/^(dist\/.*\.(js|d\.ts)|package\.json|LICENSE|README\.md)$/.test(file))).toEqual([]);
  });
});

describe("in another project", () => {
  test("nothing of this repository but the two packages is installed", () => {
    expect(readdirSync(join(project, "node_modules", "@cdktf")).sort()).toEqual(["provider-hcloud", "provider-http", "provider-random", "provider-tls"]);
    expect(readdirSync(join(project, "node_modules"))).not.toContain("hetzner-local");
    expect(JSON.parse(succeed("npm", ["ls", "cdktf", "--json", "--all"]))).not.toHaveProperty("problems");
  });

  test("the example type-checks, strictly", () => {
    expect(succeed("npx", ["--no-install", "tsc", "--noEmit"])).toBe("");
  });

  test("the example synthesizes to a host, which Terraform finds valid", async () => {
    succeed("npx", ["--no-install", "tsc"]);
    succeed(process.execPath, ["main.js"]);
    const directory = join(project, "cdktf.out", "stacks", "own-host");
    const stack = JSON.parse(readFileSync(join(directory, "cdk.tf.json"), "utf8")) as StackJson;
    const server: Block = resource(stack, "hcloud_server");
    expect(server).toMatchObject({
      name: "web-fsn1-1",
      location: "fsn1",
      server_type: "cx23",
      image: "debian-13",
      network: [{ alias_ips: [], ip: "10.8.1.16", subnet_id: '${hcloud_network_subnet.private["fsn1"].id}' }],
    });
    const template = unescapeTemplate(String(server.user_data)).replaceAll(/\$\{jsonencode\(.*\)\}$/gm, "x");
    const files = new Map(readCloudConfig(template).files.map(({ path, content }) => [path, content.toString()]));
    expect(files.get("/etc/nginx/sites-enabled/default")).toContain("return 200 ${hostname};");
    expect(files.get("/etc/triplicate/packages")).toBe("nginx-light\nsystemd-timesyncd\nunattended-upgrades\n");
    expect(files.get("/usr/local/lib/triplicate/health-agent.py")).toMatch(/^#!/);
    const terraform = new Terraform(directory, terraformEnvironment());
    expect(await terraform.init()).toMatchObject({ exitCode: 0 });
    expect(JSON.parse((await terraform.validate()).output)).toMatchObject({ valid: true, diagnostics: [] });
  });

  test.each(["triplicate/dist/constructs/host/host", "triplicate/dist/constructs/host/host.js", "triplicate/constructs", "triplicate/stacks/foundation"])(
    "a deep import is refused: %s",
    (name) => {
      const { status, stderr } = run(process.execPath, ["-e", `require(${JSON.stringify(name)})`]);
      expect([status, stderr]).toEqual([1, expect.stringContaining("ERR_PACKAGE_PATH_NOT_EXPORTED")]);
    },
  );

  test("the command is there, and asks to be told what is to leave", () => {
    expect(succeed("npx", ["--no-install", "triplicate", "--help"])).toMatch(/^Usage: triplicate[^]*\bleave\b/);
    const { status, stderr } = run("npx", ["--no-install", "triplicate", "leave"]);
    expect([status, stderr]).toEqual([2, expect.stringContaining("triplicate leave: TRIPLICATE_LEAVE is not set")]);
  });

  test("the version is the repository's", () => {
    expect(succeed(process.execPath, ["-p", 'require("triplicate/package.json").version']).trim()).toBe(version);
  });
});
