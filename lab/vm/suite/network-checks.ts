import { join } from "node:path";
import { readFileSync } from "node:fs";
import { ACCESS, Access } from "../../../config/access";
import { defineEnvironment } from "../../../config/environment";
import { Role } from "../../../config/roles";
import { slots } from "../../../config/topology";
import { Check, DATABASES, ensure, ensureEqual, quoted, WORKER } from "./check";
import { PLAIN } from "./description";
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

/** The address of a slot in the mesh. */
export function meshAddress(machine: string): string {
  return slots(defineEnvironment(PLAIN)).find(({ name }) => name === machine)!.wireGuardAddress;
}

/** The private address of a slot. */
export function privateAddress(machine: string): string {
  return slots(defineEnvironment(PLAIN)).find(({ name }) => name === machine)!.privateAddress;
}

async function keysAgree(world: World): Promise<string> {
  const names = world.machines().map(({ name }) => name);
  const keys = await Promise.all(names.map((name) => world.run(name, "wg show wg0 private-key | wg pubkey")));
  let seen = 0;
  for (const name of names) {
    const peers = new Map((await world.run(name, "wg show wg0 allowed-ips")).split("\n").map((line) => line.split("\t") as [string, string]));
    for (const [index, other] of names.entries()) {
      if (other === name || (name === WORKER && other === WORKER)) continue;
      ensureEqual(peers.get(keys[index]), `${meshAddress(other)}/32`, `${name}'s peer with the key of ${other}`);
      seen += 1;
    }
  }
  return `${seen} pairs`;
}

async function databasesTalk(world: World): Promise<string> {
  const pairs = DATABASES.flatMap((from) => [...DATABASES, WORKER].filter((to) => to !== from).map((to) => [from, to] as const));
  for (const [from, to] of pairs) {
    await world.run(from, `ping -q -c 3 -i 0.3 -W 5 -M do -s ${FULL_PING_BYTES} ${meshAddress(to)}`);
  }
  const [server, client] = DATABASES;
  await world.run(server, "dd if=/dev/urandom of=/root/load bs=1M count=20 status=none; sha256sum /root/load | cut -c 1-64 >/root/load.sum");
  await serve(world, server, 5432);
  const sum = await world.run(client, `curl --silent --fail --max-time 300 http://${meshAddress(server)}:5432/load | sha256sum | cut -c 1-64`, 330);
  ensureEqual(sum, await world.run(server, "cat /root/load.sum"), "20 MB over the mesh");
  return `${pairs.length} directions, 20 MB`;
}

async function strangersStaySo(world: World): Promise<void> {
  const peers = (await world.run(WORKER, "wg show wg0 allowed-ips | cut -f 2 | sort")).split("\n");
  ensureEqual(peers, DATABASES.map((name) => `${meshAddress(name)}/32`).sort(), "the worker's peers");
  const neighbour = meshAddress("lab-fsn1-worker-2");
  const { exitCode, stdout, stderr } = await world.lab.exec(WORKER, `ping -c 1 -W 2 ${neighbour}`);
  ensure(exitCode !== 0 && /key not available|100% packet loss/i.test(stdout + stderr), `the worker reaches the place of another worker: ${stdout}${stderr}`);
}

async function nothingInTheClear(world: World): Promise<string> {
  const [server, client] = DATABASES;
  await world.run(server, `echo ${MARKER} >/root/marker`);
  await serve(world, server, 5432);
  const file = join(world.directory, "mesh.pcap");
  const stop = await world.lab.capture(server, "private", file);
  const text = await world.run(client, `curl --silent --fail --max-time 60 http://${meshAddress(server)}:5432/marker`);
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
  const targets = [[DATABASES[0], "postgres"], [WORKER, "worker"]] as const;
  for (const [machine, role] of targets) {
    await listen(world, machine);
    const { publicIpv4 } = world.machine(machine);
    const look = async (how: string) => {
      ensureEqual(await dialed(world, publicIpv4!, PORTS, "world"), [], `${machine} from the world, ${how}`);
      ensureEqual(await dialed(world, publicIpv4!, PORTS, "operator"), open(role, "public", "operators"), `${machine} from the operator, ${how}`);
    };
    await look("with Hetzner's firewall");
    await world.lab.withoutFirewall(machine, () => look("without Hetzner's firewall"));
  }
  return `${PORTS.length} ports with a listener, 8 scans`;
}

async function scansFromInside(world: World): Promise<string> {
  const [first, second] = DATABASES;
  await Promise.all([first, WORKER].map((machine) => listen(world, machine)));
  const scans: [string, string, number[]][] = [
    [WORKER, privateAddress(first), open("postgres", "private", "worker")],
    [second, privateAddress(WORKER), open("worker", "private", "postgres")],
    [WORKER, meshAddress(first), open("postgres", "mesh", "worker")],
    [second, meshAddress(first), open("postgres", "mesh", "postgres")],
    [second, meshAddress(WORKER), open("worker", "mesh", "postgres")],
  ];
  for (const [from, address, expected] of scans) ensureEqual(await dialedFrom(world, from, address, PORTS), expected, `${address} from ${from}`);
  // a machine's public address is no way round, whatever side a packet comes from
  ensureEqual(await dialedFrom(world, second, world.machine(first).publicIpv4!, PORTS), [], `${first}'s public address from ${second}`);
  return `${PORTS.length} ports with a listener, ${scans.length + 1} scans`;
}
