import { parseRange, toAddress } from "./addresses";
import { findServerType, isSoldAt, LOAD_BALANCER_TYPES, LOCATIONS } from "./catalog";
import { LOAD_BALANCER_HOST, ROLE_NAMES, ROLES } from "./roles";
import type { LocationName } from "./catalog";
import type { DataCenter, Environment, Pool, Volume } from "./environment";
import type { Role } from "./roles";

/**
 * A place for a machine: known by name, address and key before there is one, and the same for each machine that ever takes
 * it.
 */
export interface Slot {
  /** Host name, unique in the environment: `dev-fsn1-kubernetes-server-1`. */
  readonly name: string;

  /** The environment's name. */
  readonly environment: string;

  /** The data center that it is in. */
  readonly dataCenter: LocationName;

  /** What its machine is for. */
  readonly role: Role;

  /** Its number among the slots of its role in its data center, from 1. */
  readonly index: number;

  /** Address in the private network. */
  readonly privateAddress: string;

  /** Address in the WireGuard mesh: the same low bits. */
  readonly wireGuardAddress: string;

  /** Name of the spread placement group that its machine is in. */
  readonly placementGroup: string;

  /** Whether its volumes, address and certificates outlive its machine. */
  readonly stateful: boolean;

  /** Whether its machine votes. */
  readonly quorum: boolean;

  /** Whether there is a machine in it: the first `count` slots have one. True in a lost data center too. */
  readonly exists: boolean;
}

/** A spread placement group: its machines stand on different hardware. */
export interface PlacementGroup {
  /** Its name: `dev-fsn1-worker-1`, numbered from 1 like slots. */
  readonly name: string;

  /** The data center of its machines. */
  readonly dataCenter: LocationName;

  /** The role of its machines. */
  readonly role: Role;
}

/** One volume as Hetzner knows it: half of a mirrored one, or a whole one. */
export interface SlotVolume {
  /** Its name: `dev-fsn1-postgres-1-data`; of the halves of a mirrored one, `…-data-a` and `…-data-b`. */
  readonly name: string;

  /** Size in GB. */
  readonly sizeGb: number;

  /**
   * Which half of a mirrored volume it is.
   *
   * @default - it is not mirrored
   */
  readonly mirror?: "a" | "b";

  /** The volume of the description that it belongs to. */
  readonly volume: Volume;
}

/**
 * Every slot, with a machine or without, up to the capacities. In the order of the description's data centers, then of
 * `ROLES`, then by index.
 */
export function slots(environment: Environment): readonly Slot[] {
  let planned = plans.get(environment);
  if (planned === undefined) {
    planned = environment.dataCenters.flatMap((dataCenter) =>
      ROLE_NAMES.flatMap((role) =>
        Array.from({ length: environment.pools[role].capacity[dataCenter.location] }, (_, position) =>
          slot(environment, dataCenter, environment.pools[role], position + 1),
        ),
      ),
    );
    plans.set(environment, planned);
  }
  return planned;
}

/** The slots of each environment, which nobody changes once it is described: every machine asks for all of them. */
const plans = new WeakMap<Environment, readonly Slot[]>();

/** The slots of a data center that have a machine, in the order of `slots`. */
export function machines(environment: Environment, location: LocationName): readonly Slot[] {
  return slots(environment).filter((candidate) => candidate.dataCenter === location && candidate.exists);
}

/** The data centers that are not lost, in the order of deploys. */
export function activeDataCenters(environment: Environment): readonly DataCenter[] {
  return environment.dataCenters.filter((dataCenter) => dataCenter.state === "active");
}

/** The /24 of a data center in the private network: the one of its location's number. */
export function subnet(environment: Environment, location: LocationName): string {
  return `${address(environment.network.range, location, 0)}/24`;
}

/**
 * The addresses of all slots that a role can ever have, as a range per data center (`10.0.1.32-10.0.1.47`): rules written with
 * them hold for machines to come.
 */
export function roleAddresses(environment: Environment, role: Role, side: "private" | "mesh"): readonly string[] {
  const range = side === "private" ? environment.network.range : environment.network.wireGuardRange;
  const { firstHost, lastHost } = ROLES[role];
  return environment.dataCenters.map(({ location }) => `${address(range, location, firstHost)}-${address(range, location, lastHost)}`);
}

/** The least memory that a machine of a pool can have, in MiB: that of the smallest of its server types. */
export function smallestMemoryMiB(pool: Pool): number {
  return Math.min(...pool.serverTypes.map((name) => findServerType(name)?.memoryGb ?? Infinity)) * 1024;
}

/** The private address of a data center's load balancer. */
export function loadBalancerAddress(environment: Environment, location: LocationName): string {
  return address(environment.network.range, location, LOAD_BALANCER_HOST);
}

/**
 * The smallest load balancer type that has room for every slot behind it: all load balancers target the agents of all data
 * centers. It follows the capacity, never the count; a larger one replaces nothing.
 */
export function loadBalancerType(environment: Environment): string {
  const targets = slots(environment).filter(({ role }) => role === "kubernetesAgent").length;
  const fitting = Object.entries(LOAD_BALANCER_TYPES).find(([, facts]) => facts.targets >= targets);
  if (fitting === undefined) throw new Error(`environment '${environment.name}' has ${targets} slots behind its load balancers`);
  return fitting[0];
}

/**
 * The slot whose machine answers the health gate for all machines of its data center: the first stateful one that exists, of
 * `kubernetesServer`, then `postgres`, then `backup`. Stateful ones keep their public address when they are replaced.
 *
 * @throws Error if the data center is not in the environment; those that are have one, `defineEnvironment` sees to it
 */
export function gateHost(environment: Environment, location: LocationName): Slot {
  const host = machines(environment, location).find((candidate) => candidate.stateful);
  if (host === undefined) {
    throw new Error(`environment '${environment.name}' has no stateful machine in '${location}'`);
  }
  return host;
}

/** Every placement group, for all slots: one that is empty today costs nothing, and a new machine changes no foundation. */
export function placementGroups(environment: Environment): readonly PlacementGroup[] {
  const groups = new Map<string, PlacementGroup>();
  for (const { placementGroup, dataCenter, role } of slots(environment)) {
    groups.set(placementGroup, { name: placementGroup, dataCenter, role });
  }
  return [...groups.values()];
}

/**
 * The slots of a role that vote: every one that exists, in a lost data center too. What is lost still counts in the
 * majority, or two halves of a split could each think that the other is gone.
 */
export function quorumMembers(environment: Environment, role: Role): readonly Slot[] {
  return slots(environment).filter((candidate) => candidate.role === role && candidate.quorum && candidate.exists);
}

/** How many of n voters are more than half: 2 of 3, 3 of 4, 3 of 5. */
export function majority(n: number): number {
  return Math.floor(n / 2) + 1;
}

/** The volumes of a slot as Hetzner knows them, in the order of the description; whether its machine exists or not. */
export function volumesOf(environment: Environment, owner: Slot): readonly SlotVolume[] {
  return environment.pools[owner.role].volumes.flatMap((volume): SlotVolume[] => {
    const name = `${owner.name}-${volume.name}`;
    if (!volume.mirrored) {
      return [{ name, sizeGb: volume.sizeGb, volume }];
    }
    return (["a", "b"] as const).map((mirror) => ({ name: `${name}-${mirror}`, sizeGb: volume.sizeGb, mirror, volume }));
  });
}

/**
 * The server types that a pool's machines can have at a location: those of the description that are sold there, in its
 * order.
 */
export function serverTypesFor(pool: Pool, location: LocationName): readonly string[] {
  return pool.serverTypes.filter((name) => isSoldAt(name, location));
}

/** Slot `index` of a pool. Groups are numbered from 1 like slots: with ten to a group, slots 1 to 10 are in group 1. */
function slot(environment: Environment, dataCenter: DataCenter, pool: Pool, index: number): Slot {
  const { location } = dataCenter;
  const { slug, stateful, quorum, firstHost } = ROLES[pool.role];
  const prefix = `${environment.name}-${location}-${slug}`;
  const host = firstHost + index - 1;
  return {
    name: `${prefix}-${index}`,
    environment: environment.name,
    dataCenter: location,
    role: pool.role,
    index,
    privateAddress: address(environment.network.range, location, host),
    wireGuardAddress: address(environment.network.wireGuardRange, location, host),
    placementGroup: `${prefix}-${1 + Math.floor((index - 1) / pool.placementGroupSize)}`,
    stateful,
    quorum,
    exists: index <= pool.count[location],
  };
}

/** Host n of a location's /24 in a range. */
function address(range: string, location: LocationName, host: number): string {
  return toAddress(parseRange(range).first + LOCATIONS[location].number * 256 + host);
}
