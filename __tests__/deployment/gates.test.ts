import { dev } from "../../config/environments/dev";
import {
  all, expectNoChanges, expectOutcomes, expectRefused, once, Scenario, statefulAddresses, statelessAddresses, statesIn, unwrapped, withCount, withFile,
} from "../support/scenario";

jest.setTimeout(120_000);

const FOUNDATION = "dev-foundation";
const [FSN1, NBG1, HEL1] = ["dev-fsn1", "dev-nbg1", "dev-hel1"];
const STACKS = [FOUNDATION, FSN1, NBG1, HEL1];

let scenario: Scenario;
const simulate: Scenario["cloud"]["simulate"] = (machine, behaviour) => scenario.cloud.simulate(machine, behaviour);
const serverWasDeleted = (): boolean => scenario.api.requests().some(({ method, path }) => method === "DELETE" && path.startsWith("/v1/servers/"));

beforeAll(async () => {
  scenario = await Scenario.start("dev");
});

afterAll(() => scenario?.close());

/** The tests of this block go on from each other: one environment, from nothing to complete. */
describe("a first deployment", () => {
  test("goes on where the API broke off: the foundation", async () => {
    const deployment = scenario.describe(dev);
    scenario.api.addFault({ method: "POST", pathPattern: "^/v1/volumes$", status: 503, code: "unavailable" });

    const broken = await deployment.deployAll();
    expectOutcomes(broken, [`${FOUNDATION} failed`]);
    expect(scenario.api.snapshot("dev").volumes).toHaveLength(5);

    expectOutcomes([await deployment.deploy(FOUNDATION)], [`${FOUNDATION} applied`]);
    expect(scenario.api.snapshot("dev").volumes).toHaveLength(6);
    await expectNoChanges(deployment, [FOUNDATION]);
  });

  test("stops at a first data center that does not become healthy, and leaves the others alone", async () => {
    const deployment = scenario.describe(dev);
    scenario.api.setServerTypeAvailable("cx23", "fsn1", false);
    await simulate("dev-fsn1-worker-1", { state: "never-healthy", reason: "no disk" });
    await scenario.listen();

    const deployed = await deployment.deployAll();

    expectOutcomes(deployed, [`${FOUNDATION} unchanged`, `${FSN1} failed`]);
    expect(unwrapped(deployed[1].output)).toMatch(/data center fsn1 is not healthy: dev-fsn1-worker-1: ill: 10-simulated: no disk/);
    expect(scenario.machinesIn("fsn1")).toHaveLength(4);
    expect([...scenario.machinesIn("nbg1"), ...scenario.machinesIn("hel1")]).toEqual([]);
    expect(statesIn(scenario.states)).toEqual([FOUNDATION, FSN1].sort());
    expect((await scenario.asked()).filter((line) => !line.includes("dev-fsn1-"))).toEqual([]);
  });

  test("took the next server type that could be had", () => {
    const types = Object.values(scenario.machines()).map(({ serverType }) => serverType);
    expect(types).toEqual(["cpx22", "cpx22", "cpx22", "cpx22"]);
  });

  test("checks again what it did not pass, and says why not", async () => {
    await scenario.listen();
    const deployed = await scenario.describe(dev).deployAll();
    expectOutcomes(deployed, [`${FOUNDATION} unchanged`, `${FSN1} refused`]);
    expect(unwrapped(deployed[1].output)).toMatch(/data center fsn1 is not healthy: dev-fsn1-worker-1: ill: 10-simulated: no disk/);
    expect(await scenario.asked()).toEqual([]);
  });

  test("goes on after the repair, survives a server that the API refused, and waits for a slow machine", async () => {
    const deployment = scenario.describe(dev);
    await simulate("dev-fsn1-worker-1", { state: "healthy" });
    scenario.api.addFault({ method: "POST", pathPattern: "^/v1/servers$", status: 412, code: "resource_unavailable" });

    const broken = await deployment.deployAll();
    expectOutcomes(broken, [`${FOUNDATION} unchanged`, `${FSN1} unchanged`, `${NBG1} failed`]);
    expect(scenario.machinesIn("nbg1")).toHaveLength(3);
    expect(scenario.machinesIn("hel1")).toEqual([]);

    await simulate("dev-nbg1-worker-1", { state: "slow", slowSeconds: 4 });
    await simulate("dev-nbg1-kubernetes-agent-1", { state: "slow", slowSeconds: 4 });
    const deployed = await deployment.deploy(NBG1, { TF_VAR_gate_attempts: "12" });
    expectOutcomes([deployed], [`${NBG1} applied`]);
    expect(scenario.machinesIn("nbg1")).toHaveLength(4);
  });

  test("ends only when every quorum member of all data centers is well", async () => {
    const deployment = scenario.describe(dev);
    await simulate("dev-fsn1-postgres-1", { state: "ill", reason: "replication stopped" });

    const failed = await deployment.deploy(HEL1);
    expectOutcomes([failed], [`${HEL1} failed`]);
    expect(unwrapped(failed.output)).toMatch(/data center hel1 is not healthy: .*dev-fsn1-postgres-1: ill: 10-simulated: replication stopped/);

    await simulate("dev-fsn1-postgres-1", { state: "healthy" });
    expectOutcomes(await deployment.deployAll(), STACKS.map((stack) => `${stack} unchanged`));
  });
});

describe("a running environment", () => {
  test("keeps its server types, whatever is sold", async () => {
    scenario.api.setServerTypeAvailable("cx23", "fsn1", true);
    scenario.api.setServerTypeAvailable("cpx22", "fsn1", false);
    scenario.api.setServerTypeAvailable("cx23", "nbg1", false);
    await expectNoChanges(scenario.describe(dev), [FSN1, NBG1]);
    for (const [type, location] of [["cpx22", "fsn1"], ["cx23", "nbg1"]]) scenario.api.setServerTypeAvailable(type, location, true);
  });

  test("replaces no machine whose server type is sold out: it would be gone and could not be made again", async () => {
    scenario.api.setServerTypeAvailable("cpx22", "fsn1", false);
    await scenario.listen();
    const plan = await scenario.describe(dev, withFile("worker", "fixed", "fsn1")).plan(FSN1);
    scenario.api.setServerTypeAvailable("cpx22", "fsn1", true);
    expectRefused(plan, /fsn1 has no room for what would be replaced: dev-fsn1-worker-1 \(cpx22\)/);
    expect(await scenario.asked()).toEqual([]);
  });

  test("is checked again with nothing to change: a data center that fell ill since refuses the plan", async () => {
    const deployment = scenario.describe(dev);
    await simulate("dev-fsn1-worker-1", { state: "ill" });
    await scenario.listen();
    expectOutcomes(await deployment.deployAll(), [`${FOUNDATION} unchanged`, `${FSN1} refused`]);
    expect(await scenario.asked()).toEqual([]);
  });

  test("lets a fix into the ill data center", async () => {
    const deployment = scenario.describe(dev, withFile("worker", "fixed", "fsn1"));
    await scenario.listen();
    const deployed = await once(serverWasDeleted, () => simulate("dev-fsn1-worker-1", { state: "healthy" }), deployment.deploy(FSN1));
    expectOutcomes([deployed], [`${FSN1} applied`]);
    expect(deployed.changes.actions).toEqual({ "hcloud_server.dev-fsn1-worker-1": "delete+create" });
  });

  describe("while nbg1 is ill", () => {
    beforeAll(() => simulate("dev-nbg1-worker-1", { state: "ill", reason: "no route" }));

    test("refuses to replace a machine in fsn1, at plan time", async () => {
      await scenario.listen();
      const before = scenario.machines();
      const plan = await scenario.describe(dev, withFile("worker", "second")).plan(FSN1);
      expectRefused(plan, /nbg1 is not healthy \(dev-nbg1-worker-1: ill: 10-simulated: no route\), so fsn1 is left alone: it would replace dev-fsn1-worker-1/);
      expect(await scenario.asked()).toEqual([]);
      expect(scenario.machines()).toEqual(before);
    });

    test("lets a machine be added in fsn1", async () => {
      const more = withCount(dev, "worker", "fsn1", 2);
      const deployed = await scenario.describe(more, withFile("worker", "fixed", "fsn1")).deploy(FSN1);
      expectOutcomes([deployed], [`${FSN1} applied`]);
      expect(deployed.changes.actions).toEqual(all("create", statelessAddresses("dev-fsn1-worker-2")));
    });

    test("lets a machine be removed in fsn1", async () => {
      const deployed = await scenario.describe(dev, withFile("worker", "fixed", "fsn1")).deploy(FSN1);
      expectOutcomes([deployed], [`${FSN1} applied`]);
      expect(deployed.changes.actions).toEqual(all("delete", statelessAddresses("dev-fsn1-worker-2")));
    });

    test("replaces a machine in fsn1 all the same when the operator says so", async () => {
      const deployed = await scenario.describe(dev, withFile("worker", "second")).deploy(FSN1, { TF_VAR_replace_while_ill: "true" });
      expectOutcomes([deployed], [`${FSN1} applied`]);
      expect(deployed.changes.actions).toEqual({ "hcloud_server.dev-fsn1-worker-1": "delete+create" });
    });

    test("repairs nbg1 itself by a replacement", async () => {
      await scenario.listen();
      const work = scenario.describe(dev, withFile("worker", "second")).deploy(NBG1);
      const deployed = await once(serverWasDeleted, () => simulate("dev-nbg1-worker-1", { state: "healthy" }), work);
      expectOutcomes([deployed], [`${NBG1} applied`]);
      expect(deployed.changes.actions).toEqual({ "hcloud_server.dev-nbg1-worker-1": "delete+create" });
    });
  });

  test("stops a bad change at the first data center, and takes it back there", async () => {
    await scenario.listen();
    await simulate("dev-fsn1-kubernetes-agent-1", { state: "slow", slowSeconds: 600 });
    const bad = await scenario.describe(dev, both(withFile("worker", "second"), withFile("kubernetesAgent", "bad"))).deployAll();
    expectOutcomes(bad, [`${FOUNDATION} unchanged`, `${FSN1} failed`]);
    expect((await scenario.asked()).filter((line) => !line.includes("dev-fsn1-kubernetes-agent-1"))).toEqual([]);

    await simulate("dev-fsn1-kubernetes-agent-1", { state: "healthy" });
    const good = await scenario.describe(dev, withFile("worker", "second")).deployAll();
    expectOutcomes(good, [`${FOUNDATION} unchanged`, `${FSN1} applied`, `${NBG1} unchanged`, `${HEL1} applied`]);
    expect(good[1].changes.actions).toEqual({ "hcloud_server.dev-fsn1-kubernetes-agent-1": "delete+create" });
    expect(good[3].changes.actions).toEqual({ "hcloud_server.dev-hel1-worker-1": "delete+create" });
  });

  test("replaces an ill quorum member while the two others are well", async () => {
    await scenario.listen();
    await simulate("dev-hel1-postgres-1", { state: "ill" });
    const work = scenario.describe(dev, both(withFile("worker", "second"), withFile("postgres", "fixed", "hel1"))).deploy(HEL1);
    const deployed = await once(serverWasDeleted, () => simulate("dev-hel1-postgres-1", { state: "healthy" }), work);
    expectOutcomes([deployed], [`${HEL1} applied`]);
    expect(deployed.changes.actions).toEqual(all("delete+create", statefulAddresses("dev-hel1-postgres-1", ["dev-hel1-postgres-1-data"])));
  });
});

function both(...changes: ReturnType<typeof withFile>[]): ReturnType<typeof withFile> {
  return (app) => changes.forEach((change) => change(app));
}
