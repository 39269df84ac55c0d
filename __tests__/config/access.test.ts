import { ACCESS, HEALTH_PORT, meshPeers, WIREGUARD_PORT } from "../../config/access";
import { parseRange } from "../../config/addresses";
import { environments } from "../../config/environments";
import { Role, ROLE_NAMES } from "../../config/roles";
import { slots } from "../../config/topology";
import { hostRules } from "../../stacks/firewalls";

/** The callers of a port on a side of a role, by role; operators and the like as they are. */
function callers(role: Role, port: number | string): unknown[] {
  return ACCESS[role].filter((access) => access.port === port).map(({ from, side }) => [side, from]);
}

describe("what is open", () => {
  test("is the health agent on every machine: to machines inside, to operators where there is a fixed address", () => {
    const outside = ROLE_NAMES.filter((role) => callers(role, HEALTH_PORT).length === 2);
    expect(outside).toEqual(["kubernetesServer", "postgres", "backup"]);
    for (const role of ROLE_NAMES) expect(callers(role, HEALTH_PORT)[0]).toEqual(["private", "machines"]);
  });

  test("is on the public side for operators only", () => {
    const open = ROLE_NAMES.flatMap((role) => ACCESS[role]).filter(({ side }) => side === "public");
    expect(new Set(open.map(({ from }) => from))).toEqual(new Set(["operators"]));
  });

  test("is no port of SSH, and nothing twice", () => {
    for (const role of ROLE_NAMES) {
      const places = ACCESS[role].map(({ protocol, port, side }) => `${side} ${protocol} ${port}`);
      expect(new Set(places).size).toBe(places.length);
      expect(ACCESS[role].map(({ port }) => port)).not.toContain(22);
    }
  });

  test("of a database is nothing for servers of Kubernetes, and of a worker nothing but health and the mesh", () => {
    const database = ACCESS.postgres.filter(({ side }) => side !== "public");
    expect(database.filter(({ from }) => Array.isArray(from) && from.includes("kubernetesServer"))).toEqual([]);
    expect(ACCESS.worker.map(({ port }) => port)).toEqual([HEALTH_PORT, WIREGUARD_PORT]);
  });
});

describe("the mesh", () => {
  test("has the roles that talk over it: all with the database, and none with each other", () => {
    expect(Object.fromEntries(ROLE_NAMES.map((role) => [role, meshPeers(role)]))).toEqual({
      kubernetesServer: [],
      kubernetesAgent: ["postgres"],
      postgres: ["kubernetesAgent", "postgres", "worker", "backup"],
      worker: ["postgres"],
      backup: ["postgres"],
    });
  });

  test("is symmetric: who is my peer has me as one", () => {
    for (const role of ROLE_NAMES) {
      for (const peer of meshPeers(role)) expect(meshPeers(peer)).toContain(role);
    }
  });

  test("finds its peers: WireGuard's port is open to those, on the private side, and to nobody else", () => {
    for (const role of ROLE_NAMES) {
      const peers = meshPeers(role);
      expect(callers(role, WIREGUARD_PORT)).toEqual(peers.length === 0 ? [] : [["private", peers]]);
    }
  });
});

describe.each(environments.map((environment) => [environment.name, environment] as const))("the rules of %s", (_, environment) => {
  /** Whether a source of a rule holds an address. */
  function holds(source: string, address: string): boolean {
    const at = parseRange(`${address}/32`).first;
    const [first, last = first] = source.split("-");
    if (source.includes("/")) return parseRange(source).first <= at && at <= parseRange(source).last;
    return parseRange(`${first}/32`).first <= at && at <= parseRange(`${last}/32`).first;
  }

  test("let in the slots of the roles that may come, by the address that they have on that side, and those of no other", () => {
    for (const role of ROLE_NAMES) {
      const rules = hostRules(environment, role);
      ACCESS[role].forEach(({ from, side }, index) => {
        if (!Array.isArray(from)) return;
        const admitted = slots(environment).filter(({ privateAddress, wireGuardAddress }) =>
          rules[index].sources.some((source) => holds(source, side === "mesh" ? wireGuardAddress : privateAddress)),
        );
        expect(admitted).toEqual(slots(environment).filter((slot) => from.includes(slot.role)));
      });
    }
  });

  test("are for IPv4 only", () => {
    const sources = ROLE_NAMES.flatMap((role) => hostRules(environment, role)).flatMap((rule) => rule.sources);
    expect(sources.filter((source) => source.includes(":"))).toEqual([]);
  });
});
