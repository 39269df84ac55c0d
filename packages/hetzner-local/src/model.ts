/** The records that the local cloud keeps; the wire format is made from them by `resources/*`. */

/** A label map: keys and values as Hetzner's grammar allows. */
export type Labels = Record<string, string>;

/** A JSON object as it goes over the wire. */
export type Json = Record<string, unknown>;

/** What every record has. */
export interface Entity {
  readonly id: number;
  name: string;
  labels: Labels;
  /** ISO 8601, UTC. */
  readonly created: string;
}

/** Records that can be protected against deletion. */
export interface Protected {
  protection: { delete: boolean };
}

/** A range of a network; its addresses are given to servers and load balancers of one network zone. */
export interface Subnet {
  readonly type: string;
  readonly ipRange: string;
  readonly networkZone: string;
}

export interface Network extends Entity, Protected {
  ipRange: string;
  subnets: Subnet[];
  routes: { destination: string; gateway: string }[];
  exposeRoutesToVSwitch: boolean;
}

/** A place that a firewall applies to: exactly one of `server` and `selector`. */
export interface FirewallScope {
  readonly server?: number;
  readonly selector?: string;
}

/** A firewall rule, in wire format. */
export interface FirewallRule {
  readonly direction: string;
  readonly protocol: string;
  readonly port: string | null;
  readonly source_ips: readonly string[];
  readonly destination_ips: readonly string[];
  readonly description: string | null;
}

export interface Firewall extends Entity {
  rules: FirewallRule[];
  appliedTo: FirewallScope[];
}

export interface PlacementGroup extends Entity {
  readonly type: string;
}

/** A target of a load balancer: exactly one of `server`, `selector` and `ip`. */
export interface LoadBalancerTarget {
  readonly server?: number;
  readonly selector?: string;
  readonly ip?: string;
  readonly usePrivateIp: boolean;
}

/** A service of a load balancer, in wire format. */
export interface LoadBalancerService extends Json {
  protocol: string;
  listen_port: number;
  destination_port: number;
}

export interface LoadBalancer extends Entity, Protected {
  type: string;
  readonly location: string;
  readonly ipv4: string;
  publicInterface: boolean;
  algorithm: string;
  services: LoadBalancerService[];
  targets: LoadBalancerTarget[];
  privateNet: { network: number; ip: string }[];
}

export interface RecordSet {
  readonly name: string;
  readonly type: string;
  ttl: number | null;
  labels: Labels;
  protection: { change: boolean };
  records: { value: string; comment?: string }[];
}

export interface Zone extends Entity, Protected {
  readonly mode: string;
  ttl: number;
  rrsets: RecordSet[];
}

export interface Volume extends Entity, Protected {
  /** Gigabytes. */
  size: number;
  status: "creating" | "available";
  readonly location: string;
  readonly format: string | null;
  server: number | null;
}

export interface PrimaryIp extends Entity, Protected {
  readonly type: "ipv4" | "ipv6";
  readonly ip: string;
  readonly location: string;
  autoDelete: boolean;
  assignee: number | null;
}

export interface PrivateNic {
  readonly network: number;
  readonly ip: string;
  aliasIps: string[];
  readonly macAddress: string;
}

export interface Server extends Entity {
  status: "initializing" | "starting" | "running" | "stopping" | "off" | "deleting";
  serverType: string;
  readonly image: number;
  readonly location: string;
  readonly userData: string;
  /** Gigabytes; stays when the type changes with `upgrade_disk: false`. */
  diskGb: number;
  placementGroup: number | null;
  privateNet: PrivateNic[];
  protection: { delete: boolean; rebuild: boolean };
  /** Whether the driver holds a machine: `failed` if its creation was rejected (something may be left of it). */
  machine: "none" | "made" | "failed";
}

export interface SshKey extends Entity {
  readonly publicKey: string;
  readonly fingerprint: string;
}

/** Every kind of record by the name it has in the API's paths. */
export interface Tables {
  networks: Network;
  firewalls: Firewall;
  placement_groups: PlacementGroup;
  load_balancers: LoadBalancer;
  zones: Zone;
  volumes: Volume;
  primary_ips: PrimaryIp;
  servers: Server;
  ssh_keys: SshKey;
}

/** The name of a kind of record, as in the API's paths. */
export type Kind = keyof Tables;

/** All kinds, in the order in which they are written to the state file. */
export const KINDS: readonly Kind[] = [
  "networks", "firewalls", "placement_groups", "load_balancers", "zones", "volumes", "primary_ips", "servers", "ssh_keys",
];

/** What an action is about. */
export interface Ref {
  readonly id: number;
  /** Singular, as in the API's actions: `server`, `volume`, … */
  readonly type: string;
}

/** An action, in wire format. */
export interface Action {
  readonly id: number;
  readonly command: string;
  status: "running" | "success" | "error";
  progress: number;
  readonly started: string;
  finished: string | null;
  readonly resources: readonly Ref[];
  error: { code: string; message: string } | null;
}
