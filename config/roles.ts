/**
 * What a machine is for. A role decides the machine's name, its block of addresses, what is installed on it and whether it
 * holds data.
 */
export type Role = "kubernetesServer" | "kubernetesAgent" | "postgres" | "worker" | "backup";

/** What is the same for every machine of a role, in every environment. */
export interface RoleFacts {
  /** The role in names and labels: `kubernetes-server`. Part of every host name, so it is fixed for good. */
  readonly slug: string;

  /**
   * Whether the role keeps data that outlives a machine: then its volumes, address and certificates belong to the
   * foundation, and leaving is a step of its own before a machine is replaced.
   */
  readonly stateful: boolean;

  /** Whether its machines vote: an odd number of them, a minority in any one data center. */
  readonly quorum: boolean;

  /** The last byte of the address of slot 1 in the data center's /24. Slot n has `firstHost + n - 1`. */
  readonly firstHost: number;

  /** The last byte of the address of the last slot that the block has room for. */
  readonly lastHost: number;

  /**
   * Slots per data center where a pool does not say. A fixed number and never derived from the count: keys and addresses
   * are made for all slots in advance, so a capacity that followed the count would change every machine with each worker.
   *
   * @default - the count, for stateful roles: their slots come with volumes, which cost money
   */
  readonly defaultCapacity?: number;
}

/**
 * Eight slots per data center: 16 stateless slots in each of three data centers and three load balancers are 51 of the 100
 * resources that a Hetzner network takes, which leaves the other half for the stateful roles and for growth.
 */
const DEFAULT_STATELESS_CAPACITY = 8;

/**
 * The last byte of the address of each data center's load balancer.
 *
 * Below every role's block; .0 to .4 stay free for what Hetzner may reserve in a subnet.
 */
export const LOAD_BALANCER_HOST = 5;

/**
 * Every role. The order is the order of slots, plans and deploys.
 *
 * The blocks of addresses do not touch: raising the capacity of one role moves no machine of another. They are multiples
 * of eight, so that a firewall or a packet capture can name a role by one prefix or two. Changing a block changes addresses,
 * and with that replaces every machine of every environment.
 */
export const ROLES: Readonly<Record<Role, RoleFacts>> = deepFreezeRoles({
  kubernetesServer: { slug: "kubernetes-server", stateful: true, quorum: true, firstHost: 16, lastHost: 31 },
  kubernetesAgent: {
    slug: "kubernetes-agent",
    stateful: false,
    quorum: false,
    firstHost: 64,
    lastHost: 127,
    defaultCapacity: DEFAULT_STATELESS_CAPACITY,
  },
  postgres: { slug: "postgres", stateful: true, quorum: true, firstHost: 32, lastHost: 47 },
  worker: {
    slug: "worker",
    stateful: false,
    quorum: false,
    firstHost: 128,
    // .251 to .254 stay free for machines that someone adds by hand while mending something.
    lastHost: 250,
    defaultCapacity: DEFAULT_STATELESS_CAPACITY,
  },
  backup: { slug: "backup", stateful: true, quorum: false, firstHost: 8, lastHost: 15 },
});

/** The roles in the order of `ROLES`. */
export const ROLE_NAMES: readonly Role[] = Object.freeze(Object.keys(ROLES) as Role[]);

/** How many slots of a role fit into one data center: the size of its block of addresses. */
export function blockSize(role: Role): number {
  return ROLES[role].lastHost - ROLES[role].firstHost + 1;
}

function deepFreezeRoles(roles: Record<Role, RoleFacts>): Readonly<Record<Role, RoleFacts>> {
  Object.values(roles).forEach((facts) => Object.freeze(facts));
  return Object.freeze(roles);
}
