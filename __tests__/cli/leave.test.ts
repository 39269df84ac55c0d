import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { DriverServer } from "hetzner-local";

import { main } from "../../cli/main";
import { type SimulatedDriver, simulatedDriver } from "../../rehearsal/simulated-driver";
import { agentFiles, agentPrograms, clientFor, eventually, PORT, type Slot, userDataOf } from "../support/hosts";
import { freeLoopback, type Leaf, Pki } from "../support/pki";

let pki: Pki;
let operator: Leaf;
let directory: string;
let driver: SimulatedDriver;
let slots: Slot[];
let servers: DriverServer[];

const NAMES = ["pg1", "pg2", "pg3"];

beforeAll(async () => {
  const range = await freeLoopback();
  pki = new Pki();
  operator = pki.issue("operator");
  directory = mkdtempSync(join(tmpdir(), "triplicate-leave-"));
  driver = simulatedDriver({ directory });
  slots = NAMES.map((name, index) => ({
    name,
    dataCenter: ["fsn1", "nbg1", "hel1"][index]!,
    role: "postgres",
    quorum: true,
    address: `10.0.${index + 1}.31`,
    publicIpv4: `${range}.${31 + index}`,
  }));
  servers = slots.map((slot, index) => serverOf(slot, index + 1));
  await Promise.all(servers.map((server) => driver.create(server)));
  for (const slot of slots) await healthy(slot.name);
}, 20_000);

afterAll(async () => {
  await driver.close();
  rmSync(directory, { recursive: true, force: true });
  pki.close();
});

function serverOf(slot: Slot, id: number): DriverServer {
  return {
    id,
    name: slot.name,
    project: "dev",
    location: slot.dataCenter,
    serverType: "cx23",
    cores: 2,
    memoryGb: 4,
    image: "debian-13",
    labels: {},
    userData: userDataOf([...agentPrograms(), ...agentFiles(slot, slots, pki)]),
    publicIpv4: slot.publicIpv4,
    privateNics: [{ networkId: 1, address: slot.address, macAddress: "86:00:00:00:00:01" }],
    volumes: [],
  };
}

const slotOf = (name: string): Slot => slots.find((slot) => slot.name === name)!;

/** Waits until a member says that it is healthy. */
async function healthy(name: string): Promise<void> {
  const client = clientFor(slotOf(name).publicIpv4, pki, operator);
  await eventually(
    () => client.getHealth(),
    (health) => health.status === "healthy",
  ).finally(() => client.close());
}

/** Boots a machine anew: whether it had left is forgotten. */
async function reboot(name: string): Promise<void> {
  await driver.control(name, {});
  await driver.reboot(servers[NAMES.indexOf(name)]!);
  for (const each of NAMES) await healthy(each);
}

const requestFor = (name: string): Record<string, unknown> => ({
  machine: name,
  address: slotOf(name).publicIpv4,
  port: PORT,
  quorum: true,
  members: slots.filter((slot) => slot.name !== name).map((slot) => ({ name: slot.name, address: slot.publicIpv4 })),
  ca: pki.ca,
  ...operator,
});

interface Outcome {
  readonly code: number;
  readonly printed: string;
}

/** Runs `triplicate leave`; whatever it prints is searched for secrets. */
async function run(request: unknown, environment: Record<string, string> = {}): Promise<Outcome> {
  const lines: string[] = [];
  const text = typeof request === "string" ? request : JSON.stringify(request);
  const say = (line: string): void => void lines.push(line);
  const code = await main(["leave"], { environment: { TRIPLICATE_LEAVE: text, ...environment }, print: say, fail: say });
  const printed = lines.join("\n");
  for (const secret of [operator.key, operator.certificate, pki.ca]) {
    expect(printed).not.toContain(secret.split("\n")[1]);
  }
  expect(printed).not.toMatch(/^\s+at /m);
  return { code, printed };
}

test("waits until the machine has left; a second time it has left already, whatever the others say", async () => {
  expect(await run(requestFor("pg2"))).toEqual({
    code: 0,
    printed: expect.stringMatching(/^(pg2 is leaving: \S+\n)*pg2 has left$/) as string,
  });
  expect(await driver.mayDetach(servers[1]!, { id: 1, name: "data", sizeGb: 10 })).toBe(true);
  await driver.control("pg1", { state: "ill" });
  expect(await run(requestFor("pg2"))).toEqual({ code: 0, printed: "pg2 has already left" });
  await driver.control("pg1", {});
  await reboot("pg2");
}, 20_000);

test("asks again when another member is ill for a moment", async () => {
  await driver.control("pg3", { state: "ill", reason: "a slow round" });
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const leaving = run(requestFor("pg2"));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await driver.control("pg3", {});
  expect((await leaving).printed).toContain("pg2 has left");
  await reboot("pg2");
}, 20_000);

test("refuses while another member is ill, unless everything is torn down or the machine has no quorum", async () => {
  await driver.control("pg3", { state: "ill", reason: "disk full" });
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const refused = await run(requestFor("pg2"), { TRIPLICATE_LEAVE_WITHOUT: "pg2" });
  expect(refused).toEqual({
    code: 1,
    printed:
      "refused: pg2 must not leave while pg3 is ill: 10-simulated: disk full; nothing was detached. " +
      "Bring these machines back first, then apply again; if the whole environment is to go, apply with TF_VAR_teardown=true",
  });
  const client = clientFor(slotOf("pg2").publicIpv4, pki, operator);
  expect(await client.getLeave()).toMatchObject({ state: "here" });
  await client.close();
  expect((await run({ ...requestFor("pg2"), quorum: false })).code).toBe(0);
  await driver.reboot(servers[1]!);
  expect((await run(requestFor("pg2"), { TF_VAR_teardown: "true" })).printed).toContain("pg2 has left");
  await driver.control("pg3", {});
  await reboot("pg2");
}, 20_000);

test("fails with the reason of a failing step, also when everything is torn down, and works once it is mended", async () => {
  await driver.control("pg2", { leave: "fails" });
  const expected = {
    code: 1,
    printed: expect.stringMatching(
      /^failed: pg2 could not leave: 10-simulated: made to fail; nothing was detached\. .*run again from the first$/m,
    ) as string,
  };
  expect(await run(requestFor("pg2"))).toEqual(expected);
  expect(await run(requestFor("pg2"), { TF_VAR_teardown: "true" })).toEqual(expected);
  await driver.control("pg2", { leave: "works" });
  expect((await run(requestFor("pg2"))).code).toBe(0);
  await reboot("pg2");
}, 20_000);

test("stops waiting at the time limit; the machine goes on, and applying again picks it up", async () => {
  await driver.control("pg2", { leave: "hangs" });
  const outcome = await run(requestFor("pg2"), { TRIPLICATE_LEAVE_TIMEOUT_SECONDS: "1" });
  expect(outcome.code).toBe(1);
  expect(outcome.printed).toMatch(/failed: pg2 has not left after 1 s \(at 10-simulated\); nothing was detached/);
  await driver.control("pg2", { leave: "works" });
  expect((await run(requestFor("pg2"))).code).toBe(0);
  await reboot("pg2");
}, 20_000);

test("gives a dead machine up only if told to, and only while the others are healthy", async () => {
  await driver.powerOff(servers[1]!);
  const failed = await run(requestFor("pg2"));
  expect(failed.code).toBe(1);
  expect(failed.printed).toMatch(/^failed: pg2 cannot be asked to leave: .*ECONNREFUSED.*; nothing was detached\./);
  expect(failed.printed).toContain("apply again with TRIPLICATE_LEAVE_WITHOUT=pg2");
  const given = await run(requestFor("pg2"), { TRIPLICATE_LEAVE_WITHOUT: "pg1, pg2" });
  expect(given.code).toBe(0);
  expect(given.printed).toMatch(/^warning: pg2 cannot be asked to leave: .*; going on without it/);
  const torn = await run(requestFor("pg2"), { TF_VAR_teardown: "true" });
  expect(torn.code).toBe(0);
  expect(torn.printed).toMatch(/^warning: .*torn down$/);
  await driver.powerOff(servers[2]!);
  const refused = await run(requestFor("pg2"), { TRIPLICATE_LEAVE_WITHOUT: "pg2" });
  expect(refused.code).toBe(1);
  expect(refused.printed).toMatch(/while pg1 is ill: quorum lost: 1 of 3 .*; pg3 is unreachable: .*ECONNREFUSED/);
  await driver.powerOn(servers[2]!);
  await driver.powerOn(servers[1]!);
  await reboot("pg2");
}, 30_000);

test("does not give up a machine that answers with a certificate for another address, or refuses ours", async () => {
  const everything = { TRIPLICATE_LEAVE_WITHOUT: "pg2", TF_VAR_teardown: "true" };
  const other = new Pki("another authority");
  const range = slotOf("pg2").publicIpv4.split(".").slice(0, 3).join(".");
  const moved = serverOf({ ...slotOf("pg2"), name: "moved", publicIpv4: `${range}.41` }, 9);
  const wrong = agentFiles({ ...slotOf("pg2") }, slots, pki);
  await driver.create({ ...moved, project: "other", userData: userDataOf([...agentPrograms(), ...wrong]) });
  const mismatched = await eventually(
    () => run({ ...requestFor("pg2"), address: `${range}.41` }, everything),
    ({ printed }) => !printed.startsWith("warning"),
  );
  expect(mismatched.code).toBe(1);
  expect(mismatched.printed).toMatch(/^failed: .*TLS: .*ERR_TLS_CERT_ALTNAME_INVALID.*The machine runs, so it is not given up/);
  for (const identity of [{ ca: other.ca }, pki.issue("pg1"), other.issue("operator")]) {
    const outcome = await run({ ...requestFor("pg2"), ...identity }, everything);
    expect(outcome).toEqual({ code: 1, printed: expect.stringContaining("check the operator's certificate") as string });
  }
  await driver.delete({ ...moved, project: "other" });
  other.close();
}, 20_000);

test("a cluster that was never complete has no quorum to lose", async () => {
  await Promise.all(servers.map((server) => driver.delete(server)));
  await driver.create({ ...servers[0]!, id: 11 });
  const client = clientFor(slotOf("pg1").publicIpv4, pki, operator);
  await eventually(
    () => client.getHealth(),
    (health) => health.status === "forming",
  ).finally(() => client.close());
  const outcome = await run(requestFor("pg1"));
  expect(outcome.code).toBe(0);
  expect(outcome.printed).toMatch(/^pg1 may leave: the cluster of its role has never been complete\n(.*\n)*pg1 has left$/);
}, 20_000);

describe("a wrong environment", () => {
  const secret = { key: "-----BEGIN PRIVATE KEY-----\nsecret-words\n" };
  const cases: [string, () => unknown, Record<string, string>, string][] = [
    ["nothing", () => "", {}, "TRIPLICATE_LEAVE is not set"],
    ["broken JSON", () => `{"key":"${operator.key}"`, {}, "TRIPLICATE_LEAVE is not JSON"],
    ["no fields", () => ({ members: [] }), {}, "'machine' is missing: a machine's name; TRIPLICATE_LEAVE: 'address' is missing"],
    ["a wrong port", () => ({ ...requestFor("pg1"), port: 70000 }), {}, "'port' is not a port"],
    ["wrong members", () => ({ ...requestFor("pg1"), members: ["pg2"] }), {}, "'members' is not a list of { name, address }"],
    ["a bad key", () => ({ ...requestFor("pg1"), ...secret }), {}, "do not make a TLS identity together"],
    ["a bad limit", () => requestFor("pg1"), { TRIPLICATE_LEAVE_TIMEOUT_SECONDS: "soon" }, "_SECONDS is not a number"],
  ];

  test.each(cases)("with %s ends with 2 and says so", async (_, request, environment, message) => {
    const outcome = await run(request(), environment);
    expect(outcome.code).toBe(2);
    expect(outcome.printed).toContain(`triplicate leave: ${message.startsWith("TRI") ? message : ""}`);
    expect(outcome.printed).toContain(message);
    expect(outcome.printed).not.toContain("secret-words");
  });

  test("an unknown command ends with 2, help with 0", async () => {
    const lines: string[] = [];
    const terminal = { environment: {}, print: (line: string) => void lines.push(line), fail: (line: string) => void lines.push(line) };
    expect(await main(["depart"], terminal)).toBe(2);
    expect(await main(["--help"], terminal)).toBe(0);
    expect(lines.join("\n")).toMatch(/unknown command 'depart'[^]*Usage: triplicate[^]*leave[^]*rehearse/);
  });
});
