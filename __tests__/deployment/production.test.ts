import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Environment } from "../../config/environment";
import { production } from "../../config/environments/production";
import { staging } from "../../config/environments/staging";
import { localToken } from "../../rehearsal/cloud";
import {
  all, expectNoChanges, expectOutcomes, expectRefused, Scenario, statefulAddresses, statelessAddresses, unwrapped, withCount, withFile,
} from "../support/scenario";

jest.setTimeout(180_000);

const FOUNDATION = "production-foundation";
const LOCATIONS = ["fsn1", "nbg1", "hel1"] as const;
const [FSN1, NBG1, HEL1] = LOCATIONS.map((location) => `production-${location}`);
const STACKS = [FOUNDATION, FSN1, NBG1, HEL1];
const workers = (location: string) => [1, 2].map((index) => `production-${location}-worker-${index}`);
const halves = (machine: string) => [`${machine}-data-a`, `${machine}-data-b`];

let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start("production", ["staging", "empty"]);
  expectOutcomes(await scenario.describe(production).deployAll(), STACKS.map((stack) => `${stack} applied`));
});

afterAll(() => scenario?.close());

test("nothing changes when nothing was changed", async () => {
  await scenario.listen();
  await expectNoChanges(scenario.describe(production), STACKS);
  expect(await scenario.asked()).toEqual([]);
});

describe("the description", () => {
  const pools = production.pools;
  const renamed = pools.postgres.volumes.map((volume) => ({ ...volume, name: "database" }));
  const changes: readonly (readonly [string, string, Environment, RegExp, RegExp])[] = [
    [
      "fewer postgres machines than there are", FSN1, withCount(production, "postgres", "fsn1", 0),
      /production-fsn1-postgres-1 still runs and is not described any more/, /production-fsn1-postgres-1 in fsn1 would be removed/,
    ],
    [
      "no backup machine any more", HEL1, { ...production, pools: { ...pools, backup: { ...pools.backup, count: empty(), capacity: empty() } } },
      /production-hel1-backup-1 still runs and is not described any more/, /production-hel1-backup-1 in hel1 would be removed/,
    ],
    [
      "a postgres volume by another name", NBG1, { ...production, pools: { ...pools, postgres: { ...pools.postgres, volumes: renamed } } },
      /Instance cannot be destroyed.*hcloud_volume\.volume\["production-nbg1-postgres-1-data-a"\]/, /production-nbg1-postgres-1-database-a/,
    ],
  ];

  test.each(changes)("with %s is refused at plan time, and so is its data center alone", async (_what, dataCenter, changed, foundation, alone) => {
    const deployment = scenario.describe(changed);
    const before = scenario.api.snapshot("production");
    await scenario.listen();
    expectRefused(await deployment.plan(FOUNDATION), foundation);
    expectRefused(await deployment.plan(dataCenter), alone);
    expect(await scenario.asked()).toEqual([]);
    expect(scenario.api.snapshot("production")).toEqual(before);
  });
});

function empty(): Environment["pools"]["backup"]["count"] {
  return Object.fromEntries(Object.keys(production.pools.backup.count).map((location) => [location, 0])) as never;
}

describe("the token of another project", () => {
  beforeAll(async () => {
    scenario.api.addFault({ method: "POST", pathPattern: "^/v1/volumes$", status: 503, code: "unavailable", times: 20 });
    const deployed = await scenario.describe(staging).deploy("staging-foundation");
    expectOutcomes([deployed], ["staging-foundation failed"]);
  });

  test.each([
    ["empty", /the network of production is not in this project, so the token is another project's; nothing was changed; set TF_VAR_hcloud_token_production/],
    ["staging", /this is the project of another environment: it has the network staging; nothing was changed; set TF_VAR_hcloud_token_production/],
  ] as const)("(%s) is refused at plan time, by the foundation and by the data centers", async (project, reason) => {
    const deployment = scenario.describe(production);
    const before = [scenario.api.snapshot("production"), scenario.api.snapshot(project)];
    const states = STACKS.map((stack) => scenario.state(stack));
    const token = { TF_VAR_hcloud_token_production: localToken(project) };
    await scenario.listen();
    for (const stack of STACKS) {
      expectRefused(await deployment.plan(stack, token), reason);
    }
    expect(await scenario.asked()).toEqual([]);
    expect([scenario.api.snapshot("production"), scenario.api.snapshot(project)]).toEqual(before);
    expect(STACKS.map((stack) => scenario.state(stack))).toEqual(states);
  });
});

/**
 * The provider renews a certificate in a plan from `early_renewal_hours` before its end. Ours are made with 0, so that a
 * certificate can be ten days from its end, and be reported by the alarm, with nothing to renew in any plan.
 */
test("a certificate ten days from its end changes nothing", async () => {
  const soon = new Date(Date.now() + 10 * 86_400_000).toISOString();
  const copy = `${scenario.states}-soon`;
  mkdirSync(copy);
  for (const file of readdirSync(scenario.states).filter((name) => name.endsWith(".tfstate"))) copyFileSync(join(scenario.states, file), join(copy, file));
  const ended = STACKS.map((stack) => endSoon(join(copy, `${stack}.tfstate`), soon));
  expect(ended).toEqual([3, 7, 7, 8].map((count, index) => (index === 0 ? count : machinesIn(STACKS[index]))));
  await scenario.listen();
  await expectNoChanges(scenario.describe(production, undefined, "-soon"), STACKS);
  expect(await scenario.asked()).toEqual([]);
});

function machinesIn(stack: string): number {
  return scenario.machinesIn(stack.replace("production-", "")).length;
}

/** Lets every certificate in a state end at a time; gives their number. */
function endSoon(file: string, end: string): number {
  const state = JSON.parse(readFileSync(file, "utf8")) as { resources: { type: string; instances: { attributes: Record<string, unknown> }[] }[] };
  const certificates = state.resources
    .filter(({ type }) => ["tls_locally_signed_cert", "tls_self_signed_cert"].includes(type))
    .flatMap(({ instances }) => instances);
  for (const { attributes } of certificates) attributes.validity_end_time = end;
  writeFileSync(file, JSON.stringify(state));
  return certificates.length;
}

test("one more worker only adds a machine, in its own data center", async () => {
  const foundation = scenario.configuration(scenario.describe(production), FOUNDATION);
  const before = scenario.machines();
  const deployment = scenario.describe(withCount(production, "worker", "fsn1", 3));
  expect(scenario.configuration(deployment, FOUNDATION)).toBe(foundation);

  const deployed = await deployment.deployAll();

  expectOutcomes(deployed, [`${FOUNDATION} unchanged`, `${FSN1} applied`, `${NBG1} unchanged`, `${HEL1} unchanged`]);
  expect(deployed[1].changes.actions).toEqual(all("create", statelessAddresses("production-fsn1-worker-3")));
  expect(scenario.machines()).toEqual({ ...before, "production-fsn1-worker-3": expect.anything() });
});

test("one worker fewer only removes that machine, in one apply", async () => {
  const before = scenario.machines();
  await scenario.listen();
  const deployed = await scenario.describe(production).deployAll();
  expectOutcomes(deployed, [`${FOUNDATION} unchanged`, `${FSN1} applied`, `${NBG1} unchanged`, `${HEL1} unchanged`]);
  expect(deployed[1].changes.actions).toEqual(all("delete", statelessAddresses("production-fsn1-worker-3")));
  const left = Object.entries(before).filter(([name]) => name !== "production-fsn1-worker-3");
  expect(scenario.machines()).toEqual(Object.fromEntries(left));
  expect(await scenario.asked()).toEqual(["delete server production-fsn1-worker-3"]);
});

const changed = withFile("worker", "changed");

test("a changed file of one role replaces the machines of that role, one data center after another", async () => {
  const [before, volumes, addresses] = [scenario.machines(), await scenario.kept("volumes"), statefulAddressesNow()];
  const keys = allKeys();
  await scenario.listen();

  const deployed = await scenario.describe(production, changed).deployAll();

  expectOutcomes(deployed, [`${FOUNDATION} unchanged`, `${FSN1} applied`, `${NBG1} applied`, `${HEL1} applied`]);
  for (const [index, location] of LOCATIONS.entries()) {
    expect(deployed[index + 1].changes.actions).toEqual(all("delete+create", workers(location).map((name) => `hcloud_server.${name}`)));
  }
  const asked = await scenario.asked();
  const order = asked.map((line) => LOCATIONS.findIndex((location) => line.includes(`-${location}-worker-`)));
  expect(order).toEqual([...order].sort());
  expect([...asked].sort()).toEqual(LOCATIONS.flatMap(workers).flatMap(replacement).sort());
  expect(await scenario.kept("volumes")).toEqual(volumes);
  expect(statefulAddressesNow()).toEqual(addresses);
  expect(allKeys()).toEqual(keys);
  for (const [name, { id, privateIps }] of Object.entries(scenario.machines())) {
    expect(privateIps).toEqual(before[name].privateIps);
    expect(id === before[name].id).toBe(!name.includes("-worker-"));
  }
});

/** What the API is asked when a server is replaced. */
function replacement(machine: string): string[] {
  return [`delete server ${machine}`, `create server ${machine}`, `attach_to_network server ${machine}`];
}

/** The public addresses that outlive machines. */
function statefulAddressesNow(): Record<string, string> {
  const { primaryIps } = scenario.api.snapshot("production");
  return Object.fromEntries(primaryIps.filter(({ name }) => name.startsWith("production-")).map(({ name, ip }) => [name, ip]));
}

/** Every private key in every state. */
function allKeys(): Record<string, unknown>[] {
  return STACKS.map((stack) => scenario.attributes(stack, "tls_private_key", "private_key_pem"));
}

describe("a data center of a protected environment", () => {
  test("is not destroyed unless it is named", async () => {
    const before = scenario.api.snapshot("production");
    await scenario.listen();
    const result = await scenario.describe(production, changed).destroy(FSN1);
    expectRefused(result, /production-fsn1 is protected and was left untouched: to destroy its machines, set TRIPLICATE_DESTROY=production-fsn1/);
    expect(await scenario.asked()).toEqual([]);
    expect(scenario.api.snapshot("production")).toEqual(before);
    await expectNoChanges(scenario.describe(production, changed), [FSN1]);
  });

  test("comes back with the same names, addresses, keys and volumes", async () => {
    const deployment = scenario.describe(production, changed);
    const [before, volumes, addresses, foundation] = [scenario.machines(), await scenario.kept("volumes"), statefulAddressesNow(), scenario.state(FOUNDATION)];

    const { exitCode, output } = await deployment.destroy(FSN1, { TRIPLICATE_DESTROY: FSN1 });
    if (exitCode !== 0) throw new Error(output);
    expect(scenario.machinesIn("fsn1")).toEqual([]);
    const deployed = await deployment.deployAll();

    expectOutcomes(deployed, [`${FOUNDATION} unchanged`, `${FSN1} applied`, `${NBG1} unchanged`, `${HEL1} unchanged`]);
    const after = scenario.machines();
    expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
    for (const [name, { id, privateIps, publicIpv4 }] of Object.entries(after)) {
      expect(privateIps).toEqual(before[name].privateIps);
      expect(id === before[name].id).toBe(!name.includes("-fsn1-"));
      if (name in addresses) expect(publicIpv4).toBe(before[name].publicIpv4);
    }
    expect(statefulAddressesNow()).toEqual(addresses);
    const owners = Object.fromEntries(Object.values(volumes).map(({ id, name, server }) => [name, { id, server: nameOf(before, server) }]));
    const kept = Object.values(await scenario.kept("volumes")).map(({ id, name, server }) => [name, { id, server: nameOf(after, server) }]);
    expect(Object.fromEntries(kept)).toEqual(owners);
    // keys of slots, WireGuard's among them, are in the foundation's state, of which no byte changed
    expect(scenario.state(FOUNDATION)).toBe(foundation);
  });
});

function nameOf(machines: ReturnType<Scenario["machines"]>, id: number | null): string | undefined {
  return Object.keys(machines).find((name) => machines[name].id === id);
}

test("another server type replaces a machine that left first, never by a power-off", async () => {
  const { postgres } = production.pools;
  const larger = { ...production, pools: { ...production.pools, postgres: { ...postgres, serverTypes: ["ccx33", "cpx42"] } } };
  const machine = "production-fsn1-postgres-1";
  const { id, serverType } = scenario.machines()[machine];
  expect(serverType).toBe("ccx23");
  await scenario.listen();

  const deployed = await scenario.describe(larger, changed).deploy(FSN1);

  expectOutcomes([deployed], [`${FSN1} applied`]);
  expect(deployed.changes.actions).toEqual(all("delete+create", statefulAddresses(machine, halves(machine))));
  expect(unwrapped(deployed.output)).toContain(`${machine} has left`);
  expect(scenario.agentLog(machine, id)).toMatch(/leave: leaving\n(?:.*\n)*leave: left/);
  // the cloud refuses to detach a volume from a running machine that has not left
  const asked = await scenario.asked();
  expect(asked.filter((line) => !line.startsWith("detach volume")).slice(0, 1)).toEqual([`delete server ${machine}`]);
  expect(asked.slice(0, 2).sort()).toEqual(halves(machine).map((name) => `detach volume ${name}`));
  expect([...asked.slice(2)].sort()).toEqual([
    ...halves(machine).map((name) => `attach volume ${name}`),
    ...replacement(machine),
  ].sort());
  expect(scenario.machines()[machine].serverType).toBe("ccx33");
});
