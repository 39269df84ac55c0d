/** The platform through CDKTF's own command, as its users run it. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { environments } from "../../config/environments";
import { LocalCloud, startLocalCloud } from "../../rehearsal/cloud";
import { repositoryRoot } from "../../rehearsal/terraform";

jest.setTimeout(180_000);

const root = repositoryRoot();
/** Below the repository: provisioners look for the `triplicate` command from their stack's folder upwards. */
const parent = join(root, ".triplicate", "tests");
mkdirSync(parent, { recursive: true });
const workspace = mkdtempSync(join(parent, "cdktf-"));
const state = join(workspace, "state");
const output = join(workspace, "cdktf.out");
const STACKS = ["dev", "staging", "production"].flatMap((environment) => ["foundation", "fsn1", "nbg1", "hel1"].map((part) => `${environment}-${part}`));
let cloud: LocalCloud;

/** Asynchronous, because the local cloud runs in this process. */
function cdktf(args: string[], variables: Readonly<Record<string, string>> = {}): Promise<string> {
  const env = { ...process.env, CI: "1", CHECKPOINT_DISABLE: "1", FORCE_COLOR: "0", TRIPLICATE_LOCAL_STATE: state, ...cloud.environment, ...variables };
  const child = spawn("npx", ["--no-install", "cdktf", ...args, "--output", output], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((done, fail) => {
    let printed = "";
    child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    child.on("close", (code) => (code === 0 ? done(printed) : fail(new Error(`cdktf ${args.join(" ")} ended with ${code}:\n${printed}`))));
  });
}

beforeAll(async () => {
  // CDKTF runs the compiled app, and provisioners the compiled command
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root });
  mkdirSync(state, { recursive: true });
  cloud = await startLocalCloud(join(workspace, "cloud"), environments.map(({ name }) => name));
});

afterAll(async () => {
  await cloud.close();
  rmSync(workspace, { recursive: true, force: true });
});

test("cdktf list shows every stack of every environment", async () => {
  const listed = (await cdktf(["list"])).split("\n").map((line) => line.trim().split(/\s+/)[0]);
  expect(listed.filter((word) => /^(dev|staging|production)-/.test(word)).sort()).toEqual([...STACKS].sort());
});

test("cdktf synth writes every stack", async () => {
  await cdktf(["synth"]);
  expect(readdirSync(join(output, "stacks")).sort()).toEqual([...STACKS].sort());
});

test("cdktf deploy makes one environment, one stack after another, and cdktf destroy takes it down", async () => {
  const deployed = ["dev-foundation", "dev-fsn1", "dev-nbg1", "dev-hel1"];
  await cdktf(["deploy", "--auto-approve", "--skip-provider-lock", "dev-*"]);
  expect(readdirSync(state).filter((name) => name.endsWith(".tfstate")).sort()).toEqual(deployed.map((name) => `${name}.tfstate`).sort());
  const written = deployed.map((name) => statSync(join(state, `${name}.tfstate`)).mtimeMs);
  expect([...written].sort((a, b) => a - b)).toEqual(written);
  expect(cloud.api.snapshot("dev").servers.map(({ name }) => name.split("-")[1]).filter((name, index, all) => all.indexOf(name) === index)).toEqual(["fsn1", "nbg1", "hel1"]);
  expect(cloud.api.snapshot("production").servers).toEqual([]);

  await cdktf(["destroy", "--auto-approve", "--skip-provider-lock", "dev-*"], { TF_VAR_teardown: "true" });
  expect(cloud.api.snapshot("dev")).toMatchObject({ servers: [], volumes: [], networks: [], loadBalancers: [], primaryIps: [] });
  for (const name of deployed) {
    expect(JSON.parse(readFileSync(join(state, `${name}.tfstate`), "utf8"))).toMatchObject({ resources: [] });
  }
});
