import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import type { DriverServer } from "hetzner-local";

import type { MachineHealth } from "../../cli/agent-client";
import { readCloudConfig } from "../../rehearsal/cloud-config";
import { simulatedDriver } from "../../rehearsal/simulated-driver";
import { agentFiles, agentPrograms, clientFor, eventually, type Slot, userDataOf } from "../support/hosts";
import { freeLoopback, type Leaf, Pki } from "../support/pki";

const BINARY = Buffer.from([0, 255, 10, 13, 128, 195, 40]);
const VOLUME = { id: 1, name: "data", sizeGb: 10 };

let pki: Pki;
let operator: Leaf;
let directory: string;
let range: string;
let slots: Slot[];

beforeAll(async () => {
  range = await freeLoopback();
  pki = new Pki();
  operator = pki.issue("operator");
  directory = mkdtempSync(join(tmpdir(), "triplicate-driver-"));
  slots = ["pg1", "pg2"].map((name, index) => ({
    name,
    dataCenter: "fsn1",
    role: "postgres",
    quorum: true,
    address: `10.0.1.${31 + index}`,
    publicIpv4: `${range}.${31 + index}`,
  }));
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
  pki.close();
});

const MORE_FILES = [
  { path: "/etc/plain", content: "plain text\nwith ünïcode\n", permissions: "0640", owner: "root:adm" },
  { path: "/opt//a/../b64", content: BINARY.toString("base64"), encoding: "b64", permissions: "0755" },
  { path: "/opt/packed", content: gzipSync(BINARY).toString("base64"), encoding: "gz+b64" },
];

function serverOf(slot: Slot, id: number, more: Partial<DriverServer> = {}): DriverServer {
  return {
    id,
    name: slot.name,
    project: "dev",
    location: "fsn1",
    serverType: "cx23",
    cores: 2,
    memoryGb: 4,
    image: "debian-13",
    labels: {},
    userData: userDataOf([...agentPrograms(), ...agentFiles(slot, slots, pki), ...MORE_FILES]),
    publicIpv4: slot.publicIpv4,
    privateNics: [],
    volumes: [],
    ...more,
  };
}

const nicOf = (slot: Slot) => ({ networkId: 1, address: slot.address, macAddress: "86:00:00:00:00:01" });

/** An answer may take as long as the agent waits for a peer that is silent (PEER_SECONDS of the agent, 10). */
async function healthOf(slot: Slot, timeoutSeconds = 15): Promise<MachineHealth> {
  const client = clientFor(slot.publicIpv4, pki, operator, { timeoutSeconds });
  return client.getHealth().finally(() => client.close());
}

const become = (slot: Slot, status: string, seconds = 40): Promise<MachineHealth> =>
  eventually(
    () => healthOf(slot),
    (health) => health.status === status,
    seconds,
  );

function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

describe("readCloudConfig", () => {
  test("decodes every encoding, keeps exact bytes and modes, and fills cloud-init's defaults", () => {
    const { files, document } = readCloudConfig(`#cloud-config
hostname: pg1
write_files:
  - { path: /etc/number, permissions: 0600, content: "a" }
  - { path: /etc/empty }
  - { path: /opt//a/../b64, encoding: b64, permissions: "0755", content: ${BINARY.toString("base64")} }
  - { path: /opt/packed, encoding: gz+b64, content: ${gzipSync(BINARY).toString("base64")} }
`);
    expect(files).toEqual([
      { path: "/etc/number", mode: 0o600, owner: "root:root", content: Buffer.from("a") },
      { path: "/etc/empty", mode: 0o644, owner: "root:root", content: Buffer.alloc(0) },
      { path: "/opt/b64", mode: 0o755, owner: "root:root", content: BINARY },
      { path: "/opt/packed", mode: 0o644, owner: "root:root", content: BINARY },
    ]);
    expect(document.hostname).toBe("pg1");
  });

  test.each([
    ["#!/bin/sh\n", "its first line must be #cloud-config"],
    ["#cloud-config\n- a\n", "it holds no settings"],
    ["#cloud-config\nwrite_files: 3\n", "'write_files' of user_data is not a list"],
    [userDataOf([{ path: "etc/x" }]), "'write_files[0]' of user_data: 'path' is not an absolute path"],
    [userDataOf([{ path: "/x", content: 3 }]), "'content' of /x is not a text"],
    [userDataOf([{ path: "/x", permissions: "rw" }]), "'permissions' of /x is not a mode"],
    [userDataOf([{ path: "/x", encoding: "rot13" }]), "'encoding' of /x is 'rot13', which is not known"],
    [userDataOf([{ path: "/x", append: true }]), "'append' of /x is not supported"],
  ])("rejects %j", (userData, message) => {
    expect(() => readCloudConfig(userData)).toThrow(message);
  });
});

test("machines hold their files, run the agent, obey, are replaced, and end with the driver", async () => {
  const [one, two] = slots as [Slot, Slot];
  const [first, second] = [serverOf(one, 1), serverOf(two, 2)];
  const driver = simulatedDriver({ directory });
  const root = (server: DriverServer, path: string): string => join(directory, `${server.name}-${server.id}/root`, path);
  const pids: number[] = [];
  try {
    // Behaviour may be set before the machine exists.
    await driver.control("pg2", { state: "never-healthy", reason: "no\nluck" });
    await Promise.all([driver.create(first), driver.create(second)]);
    pids.push(...driver.pids());
    expect(pids).toHaveLength(2);
    expect(readFileSync(root(first, "etc/plain"), "utf8")).toBe(MORE_FILES[0]!.content);
    expect(statSync(root(first, "etc/plain")).mode & 0o7777).toBe(0o640);
    expect(readFileSync(root(first, "opt/b64"))).toEqual(BINARY);
    expect(statSync(root(first, "opt/b64")).mode & 0o7777).toBe(0o755);
    expect(readFileSync(root(first, "opt/packed"))).toEqual(BINARY);
    expect(statSync(root(first, "run/triplicate/tls/machine.key")).mode & 0o7777).toBe(0o600);

    // Without its NIC a machine reaches nobody; both attached, they find each other.
    expect(await become(two, "ill")).toMatchObject({ formed: false, reasons: ["10-simulated: no luck"] });
    expect((await become(one, "forming")).reasons).toEqual(["pg2: unreachable: not attached to the network"]);
    await driver.attachNic(first, nicOf(one));
    await driver.attachNic(second, nicOf(two));
    expect(JSON.parse(readFileSync(join(directory, "routes/dev.json"), "utf8"))).toEqual({
      [one.address]: one.publicIpv4,
      [two.address]: two.publicIpv4,
    });
    expect((await healthOf(one)).reasons).toEqual(["pg2: ill: 10-simulated: no luck"]);
    await driver.control("pg2", { state: "healthy" });
    expect(await become(one, "healthy")).toMatchObject({ formed: true });

    // Suspended: nobody answers, and it comes back as it was.
    await driver.control("pg2", { state: "unreachable" });
    await expect(healthOf(two, 1)).rejects.toThrow();
    expect((await become(one, "ill")).reasons).toContain("pg2: unreachable: timed out");
    await driver.control("pg2", { state: "healthy" });
    await become(two, "healthy");

    // Replacement: the behaviour stays with the name, the root disk does not; the old process is gone.
    await driver.control("pg2", { state: "slow", slowSeconds: 2 });
    const replaced = serverOf(two, 3, { privateNics: [nicOf(two)] });
    await driver.delete(second);
    expect(pids.map(isRunning)).toEqual([true, false]);
    expect(existsSync(root(second, ""))).toBe(false);
    expect(existsSync(join(directory, "pg2-2/agent.log"))).toBe(true);
    expect(await driver.mayDetach(second, VOLUME)).toBe(true);
    expect(JSON.parse(readFileSync(join(directory, "routes/dev.json"), "utf8"))).toEqual({ [one.address]: one.publicIpv4 });
    const started = Date.now();
    await driver.create(replaced);
    expect((await become(two, "ill")).reasons).toContain("10-simulated: still starting");
    await become(two, "healthy");
    expect(Date.now() - started).toBeGreaterThan(1000);

    // Leaving; a reboot forgets it, and brings back what user_data put under /run.
    expect(await driver.mayDetach(replaced, VOLUME)).toBe(false);
    const client = clientFor(two.publicIpv4, pki, operator);
    await client.postLeave();
    await eventually(
      () => driver.mayDetach(replaced, VOLUME),
      (may) => may,
    );
    await client.close();
    await driver.control("pg2", {});
    await driver.reboot(replaced);
    expect(await driver.mayDetach(replaced, VOLUME)).toBe(false);
    expect(await become(two, "healthy")).toMatchObject({ formed: true });

    // Off is off, and may be detached from; never started is unreachable.
    await driver.shutdown(replaced);
    await driver.shutdown(replaced);
    expect(await driver.mayDetach(replaced, VOLUME)).toBe(true);
    await driver.control("pg2", { state: "unreachable" });
    await driver.powerOn(replaced);
    await expect(healthOf(two, 1)).rejects.toThrow("ECONNREFUSED");
    await driver.control("pg2", { leave: "hangs" });
    await become(two, "healthy");
    const hanging = clientFor(two.publicIpv4, pki, operator);
    await hanging.postLeave();
    await eventually(
      () => hanging.getLeave(),
      ({ steps }) => steps.length === 1,
    );
    await hanging.close();
    pids.push(...driver.pids());
  } finally {
    await driver.close();
  }
  expect(driver.pids()).toEqual([]);
  expect(pids.filter(isRunning)).toEqual([]);
  // A hanging leave step is a child of an agent: it ends when the agent is gone.
  await eventually(
    () => spawnSync("ps", ["-eo", "stat,args"], { encoding: "utf8" }).stdout,
    (list) => !list.split("\n").some((line) => line.includes(directory) && !line.startsWith("Z")),
  );
}, 60_000);

test("what cannot be run or obeyed is refused with the reason", async () => {
  const driver = simulatedDriver({ directory: join(directory, "refusals"), python: "no-such-python" });
  const slot = slots[0]!;
  await expect(driver.create(serverOf(slot, 1))).rejects.toThrow("cannot run 'no-such-python', which runs the health agents");
  await expect(driver.create(serverOf(slot, 2, { publicIpv4: undefined }))).rejects.toThrow("has no public IPv4 address");
  await expect(driver.create(serverOf(slot, 3, { name: "../x" }))).rejects.toThrow("'../x' is not a host name");
  await expect(driver.create(serverOf(slot, 4, { userData: "#cloud-config\n" }))).rejects.toThrow("it holds no settings");
  await expect(driver.control("pg1", { state: "odd" })).rejects.toThrow(
    `behaviour 'state' is "odd"; allowed: healthy, ill, slow, unreachable, never-healthy`,
  );
  await expect(driver.control("pg1", { leave: 1 })).rejects.toThrow("allowed: works, fails, hangs");
  await expect(driver.control("pg1", { slowSeconds: 0.5 })).rejects.toThrow("allowed: whole seconds");
  await expect(driver.control("pg1", { helth: "x" })).rejects.toThrow("allowed: only state, reason, leave, slowSeconds");
  await expect(Promise.resolve().then(() => driver.powerOn(serverOf(slot, 5)))).rejects.toThrow("was not made by this driver");

  // Servers of other kinds have no agent, and need no Python: nothing runs.
  const plain = serverOf(slot, 6, { userData: "#!/bin/sh\n" });
  await driver.create(plain);
  expect(driver.pids()).toEqual([]);
  expect(await driver.mayDetach(plain, VOLUME)).toBe(false);
  await driver.powerOff(plain);
  expect(await driver.mayDetach(plain, VOLUME)).toBe(true);
  await driver.close();
});
