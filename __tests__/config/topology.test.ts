import { defineEnvironment } from "../../config/environment";
import { environments } from "../../config/environments";
import { parseRange, readCidr } from "../../config/addresses";
import { LIMITS, LOCATION_NAMES } from "../../config/catalog";
import { blockSize, LOAD_BALANCER_HOST, ROLE_NAMES, ROLES } from "../../config/roles";
import {
  activeDataCenters,
  gateHost,
  loadBalancerAddress,
  machines,
  majority,
  placementGroups,
  quorumMembers,
  serverTypesFor,
  slots,
  subnet,
  volumesOf,
} from "../../config/topology";
import { descriptionWith } from "./descriptions";
import type { Environment, EnvironmentInput } from "../../config/environment";
import type { Slot } from "../../config/topology";

function environmentWith(changes: Readonly<Record<string, unknown>>): Environment {
  return defineEnvironment(descriptionWith(changes) as unknown as EnvironmentInput);
}

const plain = environmentWith({});

/** Environments of many shapes, to hold properties against. */
const ALL: readonly Environment[] = [
  plain,
  ...environments,
  environmentWith({ name: "a-name-of-20-letters", dataCenters: { hel1: {}, fsn1: { state: "lost" }, nbg1: {} } }),
  environmentWith({ "pools.kubernetesServer.count": { fsn1: 2, nbg1: 2, hel1: 1 }, "pools.kubernetesServer.capacity": 8 }),
  environmentWith({ "pools.worker.capacity": { fsn1: 50 }, "pools.worker.placementGroupSize": 3, "pools.kubernetesAgent.capacity": 1 }),
  environmentWith({ "network.range": "192.168.8.0/21", "network.wireGuardRange": "172.20.0.0/14" }),
];

function byName(environment: Environment): ReadonlyMap<string, Slot> {
  return new Map(slots(environment).map((slot) => [slot.name, slot]));
}

/** A slot without what the count decides. */
function identity({ name, privateAddress, wireGuardAddress, placementGroup }: Slot): readonly string[] {
  return [name, privateAddress, wireGuardAddress, placementGroup];
}

describe.each(ALL.map((environment, index) => [`${environment.name} (${index})`, environment] as const))("%s", (_, environment) => {
  const all = slots(environment);

  test("names and addresses are unique", () => {
    const balancers = environment.dataCenters.map(({ location }) => loadBalancerAddress(environment, location));
    const addresses = [...all.flatMap((slot) => [slot.privateAddress, slot.wireGuardAddress]), ...balancers];
    expect(new Set(addresses).size).toBe(addresses.length);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });

  test("each address is in the subnet of its data center, and in its role's block", () => {
    for (const slot of all) {
      const { first, last } = parseRange(subnet(environment, slot.dataCenter));
      const address = parseRange(`${slot.privateAddress}/32`).first;
      expect(address).toBeGreaterThan(first);
      expect(address).toBeLessThan(last);
      expect(address - first).toBe(ROLES[slot.role].firstHost + slot.index - 1);
      expect(address - first).toBeLessThanOrEqual(ROLES[slot.role].lastHost);
    }
  });

  test("subnets lie in the network, apart from each other", () => {
    const network = parseRange(environment.network.range);
    const subnets = environment.dataCenters.map(({ location }) => parseRange(subnet(environment, location)));
    subnets.forEach(({ first, last, prefix }) => {
      expect(prefix).toBe(24);
      expect(first).toBeGreaterThanOrEqual(network.first);
      expect(last).toBeLessThanOrEqual(network.last);
    });
    expect(new Set(subnets.map(({ first }) => first)).size).toBe(subnets.length);
  });

  test("WireGuard addresses have the low bits of the private ones", () => {
    const { first } = parseRange(environment.network.range);
    const mesh = parseRange(environment.network.wireGuardRange);
    for (const slot of all) {
      const low = parseRange(`${slot.privateAddress}/32`).first - first;
      expect(parseRange(`${slot.wireGuardAddress}/32`).first).toBe(mesh.first + low);
      expect(mesh.first + low).toBeLessThan(mesh.last);
    }
  });

  test("names fit into a DNS label, those of volumes and groups too", () => {
    const volumes = all.flatMap((slot) => volumesOf(environment, slot)).map(({ name }) => name);
    const names = [...all.map(({ name }) => name), ...volumes, ...placementGroups(environment).map(({ name }) => name)];
    names.forEach((name) => expect(name).toMatch(/^[a-z][a-z0-9-]{0,61}[a-z0-9]$/));
    expect(new Set(volumes).size).toBe(volumes.length);
  });

  test("slots come in the order of data centers, roles and indices", () => {
    const rank = ({ dataCenter, role, index }: Slot): number =>
      environment.dataCenters.findIndex(({ location }) => location === dataCenter) * 1e6 + ROLE_NAMES.indexOf(role) * 1e3 + index;
    expect(all.map(rank)).toEqual(all.map(rank).sort((left, right) => left - right));
  });

  test("machines are the first slots of each role", () => {
    for (const { location } of environment.dataCenters) {
      for (const role of ROLE_NAMES) {
        const indices = machines(environment, location).filter((slot) => slot.role === role).map(({ index }) => index);
        expect(indices).toEqual(Array.from({ length: environment.pools[role].count[location] }, (_unused, position) => position + 1));
      }
    }
  });

  test("no placement group has more machines than Hetzner takes, and each is listed", () => {
    const groups = placementGroups(environment);
    expect(new Set(groups.map(({ name }) => name)).size).toBe(groups.length);
    for (const group of groups) {
      const members = all.filter(({ placementGroup }) => placementGroup === group.name);
      expect(members.length).toBeGreaterThan(0);
      expect(members.length).toBeLessThanOrEqual(LIMITS.serversPerPlacementGroup);
      expect(members.every(({ dataCenter, role }) => dataCenter === group.dataCenter && role === group.role)).toBe(true);
    }
    expect(all.every(({ placementGroup }) => groups.some(({ name }) => name === placementGroup))).toBe(true);
  });

  test("each quorum survives the loss of any one data center", () => {
    for (const role of ROLE_NAMES.filter((name) => ROLES[name].quorum)) {
      const members = quorumMembers(environment, role);
      for (const { location } of environment.dataCenters) {
        const left = members.filter(({ dataCenter }) => dataCenter !== location);
        expect(members.length === 0 || left.length >= majority(members.length)).toBe(true);
      }
    }
  });

  test("each data center has a gate host: stateful, existing, its own", () => {
    for (const { location } of environment.dataCenters) {
      expect(gateHost(environment, location)).toMatchObject({ dataCenter: location, stateful: true, exists: true });
    }
  });

  test("each pool with slots has a server type at each of its data centers", () => {
    for (const { dataCenter, role } of all) {
      expect(serverTypesFor(environment.pools[role], dataCenter)).not.toEqual([]);
    }
  });
});

describe("what stays where it is", () => {
  test.each(ROLE_NAMES)("raising the capacity of %s moves nobody", (role) => {
    const before = environmentWith({ "pools.kubernetesAgent.capacity": 2, "pools.worker.capacity": 2 });
    for (let capacity = 2; capacity <= Math.min(blockSize(role), 16); capacity += 1) {
      const after = byName(environmentWith({ "pools.kubernetesAgent.capacity": 2, "pools.worker.capacity": 2, [`pools.${role}.capacity`]: capacity }));
      for (const slot of slots(before)) {
        expect(identity(after.get(slot.name) as Slot)).toEqual(identity(slot));
      }
    }
  });

  test("adding and removing stateless machines changes no slot, group or volume", () => {
    for (const count of [0, 1, 5, 8]) {
      const other = environmentWith({ "pools.worker.count": count, "pools.kubernetesAgent.count": count });
      expect(slots(other).map(identity)).toEqual(slots(plain).map(identity));
      expect(placementGroups(other)).toEqual(placementGroups(plain));
    }
  });

  test("the order of data centers changes no address", () => {
    const turned = byName(environmentWith({ dataCenters: { hel1: {}, nbg1: {}, fsn1: {} } }));
    for (const slot of slots(plain)) {
      expect(turned.get(slot.name)).toEqual(slot);
    }
  });

  test("a lost data center keeps its slots, addresses and votes", () => {
    const lost = environmentWith({ "dataCenters.nbg1": { state: "lost" } });
    expect(slots(lost)).toEqual(slots(plain));
    expect(quorumMembers(lost, "postgres")).toHaveLength(3);
    expect(activeDataCenters(lost).map(({ location }) => location)).toEqual(["fsn1", "hel1"]);
  });
});

describe("roles", () => {
  test("blocks of addresses do not touch each other, the load balancer, or the ends of the /24", () => {
    const taken = [LOAD_BALANCER_HOST, ...ROLE_NAMES.flatMap((role) => Array.from({ length: blockSize(role) }, (_, position) => ROLES[role].firstHost + position))];
    expect(new Set(taken).size).toBe(taken.length);
    expect(Math.min(...taken)).toBeGreaterThan(1);
    expect(Math.max(...taken)).toBeLessThan(255);
  });

  test("the longest server name of a 20 letter environment leaves room for a volume's name", () => {
    const location = LOCATION_NAMES.reduce((left, right) => (right.length > left.length ? right : left));
    const lengths = ROLE_NAMES.map((role) => `${"x".repeat(20)}-${location}-${ROLES[role].slug}-${blockSize(role)}`.length);
    expect(Math.max(...lengths)).toBe(46);
  });
});

describe("examples", () => {
  test("a slot", () => {
    expect(byName(plain).get("dev-nbg1-kubernetes-server-1")).toEqual({
      name: "dev-nbg1-kubernetes-server-1",
      environment: "dev",
      dataCenter: "nbg1",
      role: "kubernetesServer",
      index: 1,
      privateAddress: "10.0.2.16",
      wireGuardAddress: "10.1.2.16",
      placementGroup: "dev-nbg1-kubernetes-server-1",
      stateful: true,
      quorum: true,
      exists: true,
    });
  });

  test("addresses of a data center", () => {
    expect(subnet(plain, "hel1")).toBe("10.0.3.0/24");
    expect(loadBalancerAddress(plain, "hel1")).toBe("10.0.3.5");
    expect(byName(plain).get("dev-hel1-worker-8")).toMatchObject({ privateAddress: "10.0.3.135", exists: false });
    expect(byName(plain).get("dev-hel1-backup-1")).toMatchObject({ privateAddress: "10.0.3.8", wireGuardAddress: "10.1.3.8" });
  });

  test("slot 11 is in the second group of ten", () => {
    const large = byName(environmentWith({ "pools.worker.capacity": 11 }));
    expect(large.get("dev-fsn1-worker-10")?.placementGroup).toBe("dev-fsn1-worker-1");
    expect(large.get("dev-fsn1-worker-11")?.placementGroup).toBe("dev-fsn1-worker-2");
  });

  test("volumes, one of them mirrored", () => {
    const volumes = [{ name: "data", sizeGb: 20, mirrored: true }, { name: "log", sizeGb: 10 }];
    const environment = environmentWith({ "pools.postgres.volumes": volumes });
    const slot = byName(environment).get("dev-fsn1-postgres-1") as Slot;
    expect(volumesOf(environment, slot)).toEqual([
      { name: "dev-fsn1-postgres-1-data-a", sizeGb: 20, mirror: "a", volume: { name: "data", sizeGb: 20, mirrored: true } },
      { name: "dev-fsn1-postgres-1-data-b", sizeGb: 20, mirror: "b", volume: { name: "data", sizeGb: 20, mirrored: true } },
      { name: "dev-fsn1-postgres-1-log", sizeGb: 10, volume: { name: "log", sizeGb: 10, mirrored: false } },
    ]);
  });

  test("the gate host falls back from server to database to backup", () => {
    const without = environmentWith({ "pools.kubernetesServer.count": 0, "pools.backup.count": 1 });
    expect(gateHost(without, "fsn1").name).toBe("dev-fsn1-postgres-1");
    const backups = environmentWith({ "pools.kubernetesServer.count": 0, "pools.postgres.count": 0, "pools.backup.count": 1 });
    expect(gateHost(backups, "fsn1").name).toBe("dev-fsn1-backup-1");
  });

  test("fails when asked for the gate host of a data center that is not there", () => {
    expect(() => gateHost(plain, "ash")).toThrow("environment 'dev' has no stateful machine in 'ash'");
  });

  test.each([[1, 1], [2, 2], [3, 2], [4, 3], [5, 3]])("more than half of %d is %d", (members, half) => {
    expect(majority(members)).toBe(half);
  });

  test.each([
    ["10.0.0.0/8", { family: "ipv4", prefix: 8, network: "10.0.0.0/8", hostBits: false }],
    ["10.1.0.0/8", { family: "ipv4", prefix: 8, network: "10.0.0.0/8", hostBits: true }],
    ["2001:DB8:0::/32", { family: "ipv6", prefix: 32, network: "2001:db8::/32", hostBits: false }],
    ["2001:db8::1/64", { family: "ipv6", prefix: 64, network: "2001:db8::/64", hostBits: true }],
    ...["10.1/16", "0x0a.0.0.0/8", "010.0.0.0/8", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0", "::/129", "fe80::%eth0/64", ""].map((text) => [text, undefined] as const),
  ] as const)("reads the network %p", (text, expected) => {
    expect(readCidr(text)).toEqual(expected);
  });
});
