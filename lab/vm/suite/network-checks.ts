import { join } from "node:path";
import { readFileSync } from "node:fs";
import { ACCESS, Access, meshPeers } from "../../../config/access";
import type { Role } from "../../../config/roles";
import type { Slot } from "../../../config/topology";
import { Check, DATABASES, ensure, ensureEqual, quoted, WORKER } from "./check";
import { dialed, dialedFrom, LISTEN, PORTS, portsOf } from "./ports";
import type { World } from "./world";

/** A WireGuard packet of the usual kind, or less, by IPv4: 1370 less the headers of IP and ICMP. */
const FULL_PING_BYTES = 1342;

const MARKER = "plaintext-that-must-not-be-seen-on-the-wire";

export const meshChecks: readonly Check[] = [
  { promise: 6, name: "every machine has the keys that its peers know it by", run: keysAgree },
  { promise: 6, name: "the databases reach each other at the plan's addresses, with packets of full size", run: databasesTalk },
  { promise: 6, name: "who has no business with another is no peer of it", run: strangersStaySo },
  { promise: 6, name: "nothing of what the mesh carries can be read on the private network", run: nothingInTheClear },
];

/** The places of all machines that there are. */
function places(world: World): Slot[] {
  return world.machines().map(({ name }) => world.slot(name));
}

/** The first machine of each role, or its second where the first is left out. */
function oneOfEach(world: World, leftOut?: Slot): Slot[] {
  const others = places(world).filter(({ name }) => name !== leftOut?.name);
  return others.filter(({ role }, index) => others.findIndex((slot) => slot.role === role) === index);
}

async function keysAgree(world: World): Promise<string> {
  const inMesh = places(world).filter(({ role }) => meshPeers(role).length > 0);
  const names = inMesh.map(({ name }) => name);
  const keys = await Promise.all(names.map((name) => world.run(name, "wg show wg0 private-key | wg pubkey")));
  let seen = 0;
  for (const name of names) {
    const peers = new Map((await world.run(name, "wg show wg0 allowed-ips")).split("\n").map((line) => line.split("\t") as [string, string]));
    for (const [index, other] of inMesh.entries()) {
      if (other.name === name || !meshPeers(other.role).includes(world.slot(name).role)) continue;
      ensureEqual(peers.get(keys[index]), `${other.wireGuardAddress}/32`, `${name}'s peer with the key of ${other.name}`);
      seen += 1;
    }
  }
  return `${seen} pairs`;
}

async function databasesTalk(world: World): Promise<string> {
  const pairs = DATABASES.flatMap((from) => [...DATABASES, WORKER].filter((to) => to !== from).map((to) => [from, to] as const));
  for (const [from, to] of pairs) {
    await world.run(from, `ping -q -c 3 -i 0.3 -W 5 -M do -s ${FULL_PING_BYTES} ${world.slot(to).wireGuardAddress}`);
  }
  const [server, client] = DATABASES;
  await world.run(server, "dd if=/dev/urandom of=/root/load bs=1M count=20 status=none; sha256sum /root/load | cut -c 1-64 >/root/load.sum");
  await serve(world, server, 5432);
  const sum = await world.run(client, `curl --silent --fail --max-time 300 http://${world.slot(server).wireGuardAddress}:5432/load | sha256sum | cut -c 1-64`, 330);
  ensureEqual(sum, await world.run(server, "cat /root/load.sum"), "20 MB over the mesh");
  return `${pairs.length} directions, 20 MB`;
}

async function strangersStaySo(world: World): Promise<void> {
  const peers = (await world.run(WORKER, "wg show wg0 allowed-ips | cut -f 2 | sort")).split("\n");
  ensureEqual(peers, DATABASES.map((name) => `${world.slot(name).wireGuardAddress}/32`).sort(), "the worker's peers");
  const neighbour = world.slot("lab-fsn1-worker-2").wireGuardAddress;
  const { exitCode, stdout, stderr } = await world.lab.exec(WORKER, `ping -c 1 -W 2 ${neighbour}`);
  ensure(exitCode !== 0 && /key not available|100% packet loss/i.test(stdout + stderr), `the worker reaches the place of another worker: ${stdout}${stderr}`);
}

async function nothingInTheClear(world: World): Promise<string> {
  const [server, client] = DATABASES;
  await world.run(server, `echo ${MARKER} >/root/marker`);
  await serve(world, server, 5432);
  const file = join(world.directory, "mesh.pcap");
  const stop = await world.lab.capture(server, "private", file);
  const text = await world.run(client, `curl --silent --fail --max-time 60 http://${world.slot(server).wireGuardAddress}:5432/marker`);
  await stop();
  ensureEqual(text, MARKER, "what came over the mesh");
  const bytes = readFileSync(file);
  ensure(!bytes.includes(MARKER), "the marker is on the private network in the clear");
  const { stdout } = await world.lab.run(["tcpdump", "-nn", "-r", file, "udp port 51900"]);
  const packets = stdout.split("\n").filter(Boolean).length;
  ensure(packets > 5, `only ${packets} packets of WireGuard were captured`);
  return `${packets} packets`;
}

/** Serves a machine's /root over HTTP until the machine's next start; a second time changes nothing. */
async function serve(world: World, machine: string, port: number): Promise<void> {
  const unit = `lab-http-${port}`;
  await world.run(machine, `systemctl is-active --quiet ${unit} || systemd-run --quiet --unit=${unit} python3 -m http.server --directory /root ${port}`);
  await world.run(machine, `for try in $(seq 50); do curl --silent --fail --output /dev/null http://127.0.0.1:${port}/ && exit 0; sleep 0.2; done; exit 1`);
}

export const firewallChecks: readonly Check[] = [
  { promise: 7, name: "during the first boot: nothing answers the world, 22 included", run: closedFromTheBeginning },
  { promise: 7, name: "from the internet: what the table says, with Hetzner's firewall and without", run: scansFromOutside },
  { promise: 7, name: "from the private network and over the mesh: what the table says", run: scansFromInside },
];

/** The TCP ports of a role that a caller finds open on a side. */
function open(role: Role, side: Access["side"], caller: "operators" | "world" | Role): number[] {
  const admits = ({ from }: Access) => from === caller || (from === "machines" && side === "private" && caller !== "world") || (Array.isArray(from) && from.includes(caller));
  return ACCESS[role].filter((access) => access.protocol === "tcp" && access.side === side && admits(access)).flatMap(({ port }) => portsOf(port)).sort((a, b) => a - b);
}

async function listen(world: World, machine: string): Promise<void> {
  const unit = "lab-listen";
  await world.run(machine, `systemctl is-active --quiet ${unit} || systemd-run --quiet --unit=${unit} --property=Restart=no python3 -c ${quoted(LISTEN)} ${PORTS.join(" ")}`);
  await world.run(machine, "for try in $(seq 100); do ss -Hltn 'sport = :32767' | grep -q . && exit 0; sleep 0.2; done; exit 1");
}

async function closedFromTheBeginning(world: World): Promise<string> {
  const notes = world.machines().map(({ name }) => {
    const { ports: answered, times } = world.firstBoots.answeredWorld(name);
    ensureEqual(answered, [], `ports of ${name} that answered during its first boot`);
    ensure(times > 3, `${name} was tried only ${times} times`);
    return times;
  });
  return `tried ${Math.min(...notes)} times or more`;
}

async function scansFromOutside(world: World): Promise<string> {
  const targets = oneOfEach(world);
  for (const { name, role } of targets) {
    await listen(world, name);
    const { publicIpv4 } = world.machine(name);
    const look = async (how: string) => {
      ensureEqual(await dialed(world, publicIpv4!, PORTS, "world"), [], `${name} from the world, ${how}`);
      ensureEqual(await dialed(world, publicIpv4!, PORTS, "operator"), open(role, "public", "operators"), `${name} from the operator, ${how}`);
    };
    await look("with Hetzner's firewall");
    await world.lab.withoutFirewall(name, () => look("without Hetzner's firewall"));
  }
  return `${targets.map(({ role }) => role).join(", ")}: ${PORTS.length} ports with a listener, ${targets.length * 4} scans`;
}

/** A machine of each role, by one of each. */
async function scansFromInside(world: World): Promise<string> {
  const targets = oneOfEach(world);
  await Promise.all(targets.map(({ name }) => listen(world, name)));
  let scans = 0;
  const scan = async (from: Slot, address: string, expected: readonly number[]) => {
    ensureEqual(await dialedFrom(world, from.name, address, PORTS), expected, `${address} from ${from.name}`);
    scans += 1;
  };
  for (const to of targets) {
    for (const from of oneOfEach(world, to)) {
      await scan(from, to.privateAddress, open(to.role, "private", from.role));
      if (meshPeers(to.role).includes(from.role)) await scan(from, to.wireGuardAddress, open(to.role, "mesh", from.role));
    }
  }
  const [first, second] = DATABASES;
  // a machine's public address is no way round, whatever side a packet comes from
  await scan(world.slot(second), world.machine(first).publicIpv4!, []);
  return `${PORTS.length} ports with a listener, ${scans} scans`;
}
