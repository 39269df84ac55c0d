import type { Environment } from "../../config/environment";
import { dev } from "../../config/environments/dev";
import {
  all, expectOutcomes, expectRefused, Scenario, statefulAddresses, unwrapped, withCount, withFile,
} from "../support/scenario";

jest.setTimeout(150_000);

const STACKS = ["dev-foundation", "dev-fsn1", "dev-nbg1", "dev-hel1"];

/** The smallest environment, with a machine in hel1 that holds state and votes nowhere. */
const description: Environment = {
  ...dev,
  pools: {
    ...dev.pools,
    backup: {
      ...dev.pools.backup,
      serverTypes: ["cx23", "cpx22"],
      count: { ...dev.pools.backup.count, hel1: 1 },
      capacity: { ...dev.pools.backup.capacity, hel1: 1 },
      volumes: [{ name: "data", sizeGb: 10, mirrored: false }],
    },
  },
};

let scenario: Scenario;
const simulate: Scenario["cloud"]["simulate"] = (machine, behaviour) => scenario.cloud.simulate(machine, behaviour);

beforeAll(async () => {
  scenario = await Scenario.start("dev");
  expectOutcomes(await scenario.describe(description).deployAll(), STACKS.map((stack) => `${stack} applied`));
});

afterAll(() => scenario?.close());

/** Volumes by name with the machine that each is attached to. */
function attached(): Record<string, string | null> {
  return Object.fromEntries(scenario.api.snapshot("dev").volumes.map(({ name, server }) => [name, server]));
}

describe("a machine that cannot leave", () => {
  const changed = withFile("postgres", "first", "fsn1");

  test.each([
    ["fails", "dev-fsn1-postgres-1 could not leave: 10-simulated: made to fail; nothing was detached"],
    ["hangs", "dev-fsn1-postgres-1 has not left after 3 s"],
  ] as const)("keeps its volumes and stops the apply: its leave %s", async (leave, reason) => {
    const deployment = scenario.describe(description, changed);
    await simulate("dev-fsn1-postgres-1", { state: "healthy", leave });
    const [machines, volumes] = [scenario.machines(), attached()];
    await scenario.listen();

    const deployed = await deployment.deploy("dev-fsn1", { TRIPLICATE_LEAVE_TIMEOUT_SECONDS: "3" });

    expectOutcomes([deployed], ["dev-fsn1 failed"]);
    expect(unwrapped(deployed.output)).toContain(reason);
    expect(await scenario.asked()).toEqual([]);
    expect(scenario.machines()).toEqual(machines);
    expect(attached()).toEqual(volumes);
  });

  test("leaves when the apply is repeated after the repair", async () => {
    await simulate("dev-fsn1-postgres-1", { state: "healthy" });
    const { id } = scenario.machines()["dev-fsn1-postgres-1"];
    const deployed = await scenario.describe(description, changed).deploy("dev-fsn1");
    expectOutcomes([deployed], ["dev-fsn1 applied"]);
    expect(deployed.changes.actions).toEqual(all("delete+create", statefulAddresses("dev-fsn1-postgres-1", ["dev-fsn1-postgres-1-data"])));
    expect(scenario.machines()["dev-fsn1-postgres-1"].id).not.toBe(id);
    expect(attached()["dev-fsn1-postgres-1-data"]).toBe("dev-fsn1-postgres-1");
  });
});

test("a quorum member does not leave while another one is ill", async () => {
  const deployment = scenario.describe(description, withFile("postgres", "second", "fsn1"));
  await simulate("dev-nbg1-postgres-1", { state: "ill", reason: "lagging" });
  const [machines, volumes] = [scenario.machines(), attached()];
  await scenario.listen();

  expectRefused(await deployment.plan("dev-fsn1"), /nbg1 is not healthy \(dev-nbg1-postgres-1: ill: 10-simulated: lagging\)/);
  const deployed = await deployment.deploy("dev-fsn1", { TF_VAR_replace_while_ill: "true" });

  expectOutcomes([deployed], ["dev-fsn1 failed"]);
  expect(unwrapped(deployed.output)).toContain(
    "refused: dev-fsn1-postgres-1 must not leave while dev-nbg1-postgres-1 is ill: 10-simulated: lagging; nothing was detached",
  );
  expect(await scenario.asked()).toEqual([]);
  expect(scenario.machines()).toEqual(machines);
  expect(attached()).toEqual(volumes);
  await simulate("dev-nbg1-postgres-1", { state: "healthy" });
});

describe("a machine with state that is taken out of the description", () => {
  const without = withCount(description, "backup", "hel1", 0);

  test("is not robbed of its volume and its address: the foundation waits for its data center", async () => {
    await scenario.listen();
    const [machines, volumes] = [scenario.machines(), attached()];
    const deployed = await scenario.describe(without, withFile("postgres", "first", "fsn1")).deployAll();
    expectOutcomes(deployed, ["dev-foundation refused"]);
    expect(unwrapped(deployed[0].output)).toContain("dev-hel1-backup-1");
    expect(await scenario.asked()).toEqual([]);
    expect(scenario.machines()).toEqual(machines);
    expect(attached()).toEqual(volumes);
  });

  test("leaves before its volume is detached and it is deleted", async () => {
    const deployment = scenario.describe(without, withFile("postgres", "first", "fsn1"));
    const { id } = scenario.machines()["dev-hel1-backup-1"];
    await scenario.listen();

    const deployed = await deployment.deploy("dev-hel1");

    expectOutcomes([deployed], ["dev-hel1 applied"]);
    const certificate = ["tls_private_key", "tls_cert_request", "tls_locally_signed_cert"].map((type) => `${type}.dev-hel1-backup-1`);
    const machine = statefulAddresses("dev-hel1-backup-1", ["dev-hel1-backup-1-data"]);
    expect(deployed.changes.actions).toEqual(all("delete", [...machine, ...certificate]));
    // the cloud refuses to detach a volume from a running machine that has not left
    const asked = await scenario.asked();
    expect(asked.slice(0, 1)).toEqual(["detach volume dev-hel1-backup-1-data"]);
    expect(asked.slice(-1)).toEqual(["delete server dev-hel1-backup-1"]);
    expect(scenario.agentLog("dev-hel1-backup-1", id)).toMatch(/leave: leaving\n(?:.*\n)*leave: left/);
  });

  test("is then forgotten by the foundation, with its volume and its address", async () => {
    const deployed = await scenario.describe(without, withFile("postgres", "first", "fsn1")).deployAll();
    expectOutcomes(deployed, STACKS.map((stack) => `${stack} ${stack === "dev-foundation" ? "applied" : "unchanged"}`));
    const gone = ['hcloud_volume.volume["dev-hel1-backup-1-data"]', 'hcloud_primary_ip.machine["dev-hel1-backup-1"]'];
    expect(deployed[0].changes.actions).toEqual(all("delete", [...gone, 'random_password.volume_disk_key["dev-hel1-backup-1-key-1"]']));
  });
});

test("an environment that goes is not held up by machines that are ill", async () => {
  const without = withCount(description, "backup", "hel1", 0);
  for (const location of ["fsn1", "nbg1"]) await simulate(`dev-${location}-postgres-1`, { state: "ill" });
  await simulate("dev-nbg1-worker-1", { state: "unreachable" });
  const destroyed = await scenario.describe(without, withFile("postgres", "first", "fsn1")).destroyAll({ TF_VAR_teardown: "true" });
  expect(unwrapped(destroyed.output)).toMatch(/Destroy complete!/);
  const { project, ...left } = scenario.api.snapshot("dev");
  expect(project).toBe("dev");
  expect(Object.values(left).flat()).toEqual([]);
});
