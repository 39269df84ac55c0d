/** The real Terraform with the real providers: every stack is valid, every foundation can be planned. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { App } from "cdktf";
import { environments } from "../../config/environments";
import { LocalCloud, startLocalCloud } from "../../rehearsal/cloud";
import { stacksInOrder, SynthesizedStack } from "../../rehearsal/synth";
import { repositoryRoot, Terraform } from "../../rehearsal/terraform";
import { addEnvironment } from "../../stacks/environment";

jest.setTimeout(120_000);

const parent = join(repositoryRoot(), ".triplicate");
mkdirSync(parent, { recursive: true });
const workspace = mkdtempSync(join(parent, "validate-"));
const stacks = synthesize();
let cloud: LocalCloud;

function synthesize(): SynthesizedStack[] {
  const app = new App({ outdir: join(workspace, "cdktf.out") });
  environments.forEach((environment) => addEnvironment(app, environment, { localState: { directory: join(workspace, "state") } }));
  app.synth();
  return stacksInOrder(app.outdir);
}

beforeAll(async () => {
  cloud = await startLocalCloud(join(workspace, "cloud"), environments.map(({ name }) => name), "none");
});

afterAll(async () => {
  await cloud.close();
  rmSync(workspace, { recursive: true, force: true });
});

test.each(stacks.map(({ name, directory }) => [name, directory]))("%s is valid", async (name, directory) => {
  const terraform = new Terraform(directory, cloud.environment);
  const { exitCode, output } = await terraform.init();
  expect([name, exitCode, exitCode === 0 ? "" : output]).toEqual([name, 0, ""]);
  const { diagnostics } = JSON.parse((await terraform.validate()).output) as { diagnostics: { severity: string; summary: string }[] };
  expect(diagnostics).toEqual([]);
});

test.each(environments.map(({ name }) => name))("the foundation of %s can be planned, and only adds", async (environment) => {
  const { directory } = stacks.find(({ name }) => name === `${environment}-foundation`)!;
  const terraform = new Terraform(directory, cloud.environment);
  const { exitCode, output } = await terraform.plan();
  expect([exitCode, exitCode === 2 ? "" : output]).toEqual([2, ""]);
  const { add, change, destroy } = await terraform.changes();
  expect(add).toBeGreaterThan(80);
  expect([change, destroy]).toEqual([0, 0]);
  expect(cloud.api.requests()).toEqual([]);
});
