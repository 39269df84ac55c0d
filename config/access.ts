import { ROLE_NAMES } from "./roles";
import type { Role } from "./roles";

/** The side of a machine that something arrives at: the internet's, the private network's, or the WireGuard mesh's. */
export type Side = "public" | "private" | "mesh";

/** Who may come in: operators (`adminCidrs`), the load balancers, every machine, or the machines of some roles. */
export type Callers = "operators" | "load balancers" | "machines" | readonly Role[];

/** Something that is open on the machines of a role. */
export interface Access {
  /** What answers there. */
  readonly service: string;

  /** TCP or UDP. */
  readonly protocol: "tcp" | "udp";

  /** A port, or a range like `2379-2380`. */
  readonly port: number | string;

  /** Who may reach it. */
  readonly from: Callers;

  /** On which side only. */
  readonly side: Side;
}

/** The port of every health agent: free in IANA's list, and next to nothing that a platform runs. */
export const HEALTH_PORT = 9443;

/** WireGuard's port on every machine: flannel has 51820, the one that is usual. */
export const WIREGUARD_PORT = 51900;

const KUBERNETES: readonly Role[] = ["kubernetesServer", "kubernetesAgent"];

/** Asking for health needs a machine's certificate, wherever the question comes from. */
const HEALTH_INSIDE: Access = { service: "health agent", protocol: "tcp", port: HEALTH_PORT, from: "machines", side: "private" };
const HEALTH_OUTSIDE: Access = { service: "health agent", protocol: "tcp", port: HEALTH_PORT, from: "operators", side: "public" };

/** What the nodes of a cluster open to each other (K3s documentation, "Inbound Rules for K3s Nodes"). */
const NODE: readonly Access[] = [
  { service: "kubelet", protocol: "tcp", port: 10250, from: KUBERNETES, side: "private" },
  { service: "flannel (WireGuard)", protocol: "udp", port: 51820, from: KUBERNETES, side: "private" },
];

const SERVICES: Readonly<Record<Role, readonly Access[]>> = {
  kubernetesServer: [
    HEALTH_OUTSIDE,
    { service: "Kubernetes API", protocol: "tcp", port: 6443, from: "operators", side: "public" },
    { service: "Kubernetes API", protocol: "tcp", port: 6443, from: KUBERNETES, side: "private" },
    { service: "etcd", protocol: "tcp", port: "2379-2380", from: ["kubernetesServer"], side: "private" },
    ...NODE,
  ],
  kubernetesAgent: [
    { service: "ingress, HTTP", protocol: "tcp", port: 80, from: "load balancers", side: "private" },
    { service: "ingress, HTTPS", protocol: "tcp", port: 443, from: "load balancers", side: "private" },
    ...NODE,
  ],
  postgres: [
    HEALTH_OUTSIDE,
    { service: "Postgres, for operators", protocol: "tcp", port: 5433, from: "operators", side: "public" },
    { service: "Postgres", protocol: "tcp", port: 5432, from: ["postgres", "kubernetesAgent", "worker", "backup"], side: "mesh" },
    { service: "etcd", protocol: "tcp", port: "2379-2380", from: ["postgres"], side: "mesh" },
    { service: "Patroni", protocol: "tcp", port: 8008, from: ["postgres"], side: "mesh" },
  ],
  worker: [],
  backup: [HEALTH_OUTSIDE],
};

/**
 * All that is open on a machine, by role: what is not here is closed, on every side. One truth for Hetzner's firewalls, the
 * machines' own, and who is a peer of whom in the mesh. Changing it replaces the machines of the roles that it names.
 */
export const ACCESS: Readonly<Record<Role, readonly Access[]>> = Object.freeze(
  Object.fromEntries(ROLE_NAMES.map((role) => [role, Object.freeze([HEALTH_INSIDE, ...wireGuard(role), ...SERVICES[role]])])) as Record<
    Role,
    readonly Access[]
  >,
);

/** The roles whose machines talk to those of a role over the mesh, in either direction; none if it is not in the mesh. */
export function meshPeers(role: Role): readonly Role[] {
  return ROLE_NAMES.filter((other) => reaches(role, other) || reaches(other, role));
}

function reaches(caller: Role, callee: Role): boolean {
  return SERVICES[callee].some(({ side, from }) => side === "mesh" && Array.isArray(from) && from.includes(caller));
}

/** Peers find each other through the private network. */
function wireGuard(role: Role): readonly Access[] {
  const from = meshPeers(role);
  return from.length === 0 ? [] : [{ service: "WireGuard", protocol: "udp", port: WIREGUARD_PORT, from, side: "private" }];
}
