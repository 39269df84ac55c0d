import { dev } from "../../config/environments/dev";
import { machines } from "../../config/topology";
import {
  all, Change, expectOutcomes, expectRefused, Scenario, statelessAddresses, withCount, withFile, withLost,
} from "../support/scenario";

jest.setTimeout(150_000);

const LOCATIONS = ["fsn1", "nbg1", "hel1"] as const;

let scenario: Scenario;

/** The description as it is at the moment: each data center's turn goes on from the one before. */
let description = dev;
const changed = new Map<string, Change>();
const allChanges: Change = (app) => changed.forEach((change) => change(app));

beforeAll(async () => {
  scenario = await Scenario.start("dev");
  const deployed = await scenario.describe(dev).deployAll();
  expectOutcomes(deployed, ["dev-foundation applied", ...LOCATIONS.map((location) => `dev-${location} applied`)]);
});

afterAll(() => scenario?.close());

/** The addresses of each record, by name. */
function records(): Record<string, string[]> {
  const [zone] = scenario.api.snapshot("dev").zones;
  const address = zone.records.map((record) => record.split(" ")).filter(([, type]) => type === "A");
  return Object.fromEntries(address.map(([name, , , ...addresses]) => [name, addresses.sort()]));
}

/** The public addresses of load balancers and machines of a role in some data centers. */
function addresses(role: "ingress" | "kubernetes-server" | "postgres", locations: readonly string[]): string[] {
  const { loadBalancers, primaryIps } = scenario.api.snapshot("dev");
  const found = locations.map((location) =>
    role === "ingress"
      ? loadBalancers.find((balancer) => balancer.location === location)!.ipv4
      : primaryIps.find(({ name }) => name === `dev-${location}-${role}-1`)!.ip,
  );
  return found.sort();
}

function expectRecords(locations: readonly string[]): void {
  expect(records()).toEqual({
    "@": addresses("ingress", locations),
    "*": addresses("ingress", locations),
    kubernetes: addresses("kubernetes-server", locations),
    postgres: addresses("postgres", locations),
  });
}

async function simulateAll(location: (typeof LOCATIONS)[number], state: "healthy" | "unreachable"): Promise<void> {
  for (const { name } of machines(dev, location)) await scenario.cloud.simulate(name, { state });
}

describe.each(LOCATIONS)("with %s lost", (lost) => {
  const others = LOCATIONS.filter((location) => location !== lost);
  const [first, second] = others;

  beforeAll(() => simulateAll(lost, "unreachable"));

  test("the environment deploys: its stack is gone from the app, its addresses from DNS", async () => {
    expectRecords(LOCATIONS);
    const deployment = scenario.describe(withLost(description, lost), allChanges);
    expect(deployment.stacks.map(({ name }) => name)).toEqual(["dev-foundation", `dev-${first}`, `dev-${second}`]);
    const before = scenario.api.snapshot("dev");

    const deployed = await deployment.deployAll();

    expectOutcomes(deployed, ["dev-foundation applied", `dev-${first} unchanged`, `dev-${second} unchanged`]);
    const changed = ["@", "*", "kubernetes", "postgres"].map((name) => `hcloud_zone_rrset.zone["${name}"]`);
    expect(deployed[0].changes.actions).toEqual(all("update", changed));
    expectRecords(others);
    const { zones, ...rest } = scenario.api.snapshot("dev");
    expect(zones).toHaveLength(1);
    expect({ ...rest, zones: before.zones }).toEqual(before);
  });

  test("a quorum member elsewhere can't be replaced: refused at plan time", async () => {
    await scenario.listen();
    const deployment = scenario.describe(withLost(description, lost), (app) => [allChanges, withFile("postgres", lost)].forEach((change) => change(app)));
    for (const location of others) {
      const reason = new RegExp(`${lost} is lost, so no quorum member in ${location} may be replaced: the plan would replace dev-${location}-postgres-1`);
      expectRefused(await deployment.plan(`dev-${location}`, { TF_VAR_replace_while_ill: "true" }), reason);
    }
    expect(await scenario.asked()).toEqual([]);
  });

  test("a worker can be added in one data center and replaced in the other", async () => {
    description = withCount(description, "worker", first, description.pools.worker.count[first] + 1);
    changed.set(second, withFile("worker", lost, second));
    const deployed = await scenario.describe(withLost(description, lost), allChanges).deployAll();
    expectOutcomes(deployed, ["dev-foundation unchanged", `dev-${first} applied`, `dev-${second} applied`]);
    const added = `dev-${first}-worker-${description.pools.worker.count[first]}`;
    expect(deployed[1].changes.actions).toEqual(all("create", statelessAddresses(added)));
    const workers = scenario.machinesIn(second).filter((name) => name.includes("-worker-"));
    expect(deployed[2].changes.actions).toEqual(all("delete+create", workers.map((name) => `hcloud_server.${name}`)));
  });

  test("it comes back with its machines and its DNS records", async () => {
    await simulateAll(lost, "healthy");
    const deployed = await scenario.describe(description, allChanges).deployAll();
    expectOutcomes(deployed, ["dev-foundation applied", ...LOCATIONS.map((location) => `dev-${location} unchanged`)]);
    expectRecords(LOCATIONS);
  });
});
