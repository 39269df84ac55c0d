import type { LocationName } from "./catalog";
import type { Role } from "./roles";

/** A volume of every machine of a pool. It outlives its machine: the one that takes the slot next finds it as it was. */
export interface VolumeInput {
  /**
   * Its name inside the machine: lower case letters, digits and hyphens. With the slot's name in front it has to fit into 63
   * characters. Another name is another volume: the old one, with its data, would be destroyed (protected environments refuse).
   */
  readonly name: string;

  /**
   * Size in GB, 10 to 10240 (Hetzner's limits), whole. It can only grow: shrinking would make a new, empty volume. Growing
   * replaces no host.
   */
  readonly sizeGb: number;

  /**
   * Two volumes of that size, kept equal by the machine (RAID1 under the encryption): for a file system that survives one
   * volume going bad, at twice the price. Can't be changed on a running platform: the device under the encryption is another.
   *
   * @default false
   */
  readonly mirrored?: boolean;
}

/** The machines of one role. */
export interface PoolInput {
  /**
   * Hetzner server type, `cx23`. Changing it changes nothing on machines whose type is still in the list of this and the
   * fallbacks; the others are replaced, one data center after another.
   */
  readonly serverType: string;

  /**
   * Types to take where the first is not sold or is sold out, tried in order. A machine that runs keeps its type as long as
   * it is in the list, so adding one at the end replaces nothing; removing one replaces the machines that have it. Same
   * architecture as the first.
   *
   * @default - none: a sold-out type then stops the deploy
   */
  readonly fallbacks?: readonly string[];

  /**
   * Machines in each data center: one number for all, or a number per location (0 where it is missing). Raising it adds
   * machines and changes no other; lowering it removes those with the highest index. Never above the capacity.
   */
  readonly count: number | Readonly<Partial<Record<LocationName, number>>>;

  /**
   * Slots in each data center, as a number for all or per location: names, addresses and keys made in advance, so that a
   * machine can be added without changing another. Raising it later replaces every machine of the environment (their lists
   * of peers are in their user data), so be generous; all slots count toward the 100 that a network takes.
   *
   * @default - 8 for stateless roles, the count for stateful ones
   */
  readonly capacity?: number | Readonly<Partial<Record<LocationName, number>>>;

  /**
   * Volumes of each machine; for stateful roles only. `postgres` and `backup` must have one, or their data would go
   * with the root disk of the first machine that is replaced. At most 16 on a machine, a mirrored one counting twice.
   * Adding or removing one replaces the hosts.
   *
   * @default - none
   */
  readonly volumes?: readonly VolumeInput[];

  /**
   * How many slots share a spread placement group, 1 to 10. Hetzner puts each machine of a group on different hardware and
   * takes ten at most. Changing it moves slots to other groups, which replaces those machines.
   *
   * @default 10
   */
  readonly placementGroupSize?: number;
}

/** One data center. An empty object is a good one. */
export interface DataCenterInput {
  /**
   * `lost` says that it is gone: its stack, health gate and leave steps are skipped, its DNS records are taken out, and
   * voting machines elsewhere may not be replaced until it is back. At most one may be lost. Replaces no host.
   *
   * @default "active"
   */
  readonly state?: "active" | "lost";

  /**
   * Generation of certificates and operating systems. Raising it by one replaces every machine of this data center in one
   * rolling deploy, with new certificates (they live 400 days) and a fresh image. Never lower it.
   *
   * @default 1
   */
  readonly generation?: number;
}

/**
 * Address ranges. None may be changed while machines exist: every address, certificate and list of peers would be another,
 * so every host would be replaced at once. They may not overlap each other.
 */
export interface NetworkInput {
  /**
   * The private network, RFC 1918, /21 or larger: data center n has the n-th /24, and n may get up to 7.
   *
   * @default "10.0.0.0/16"
   */
  readonly range?: string;

  /**
   * Addresses in the WireGuard mesh; /21 or larger for the same reason, as each machine has the same low bits in both.
   *
   * @default "10.1.0.0/16"
   */
  readonly wireGuardRange?: string;

  /**
   * Addresses of pods: what K3s uses when not told otherwise. Fixed, because changing it needs a new cluster.
   *
   * @default "10.42.0.0/16"
   */
  readonly podRange?: "10.42.0.0/16";

  /**
   * Addresses of Kubernetes services: what K3s uses when not told otherwise. Fixed, because changing it needs a new cluster.
   *
   * @default "10.43.0.0/16"
   */
  readonly serviceRange?: "10.43.0.0/16";

  /**
   * Addresses that Docker hands to its bridges, a /24 each, so /20 or larger leaves sixteen of them. Every host uses the same.
   *
   * @default "10.44.0.0/16"
   */
  readonly dockerRange?: string;
}

/**
 * Which certificate authorities are in use. Two are trusted at any time, this one and the next, so that none has to be
 * brought to all machines in one moment. A rotation is two deploys: first sign with the next, `{ signing: 2, trusted: [1, 2] }`,
 * then forget the old, `{ signing: 2, trusted: [2, 3] }`. Each replaces every host, one data center after another.
 */
export interface CertificateAuthorityInput {
  /**
   * Number of the authority that signs; one of the trusted ones.
   *
   * @default 1
   */
  readonly signing?: number;

  /**
   * Numbers of the two that are trusted, ascending, one after the other.
   *
   * @default [1, 2]
   */
  readonly trusted?: readonly number[];
}

/**
 * Which keys open the encrypted volumes. A rotation is two deploys: first `{ generation: 2, acceptPrevious: true }`, then
 * `{ generation: 2 }`. Each replaces the hosts that have volumes, one data center after another; no data is written again,
 * only the header that holds the keys. Without the first of the two, hosts would find no key that opens their volumes, and say so.
 */
export interface DiskKeyInput {
  /**
   * The current generation. Raising it by one makes a new key for each machine. Never lower it.
   *
   * @default 1
   */
  readonly generation?: number;

  /**
   * Whether the key of the generation before opens the volumes too. Those that are not accepted are removed from the volumes.
   *
   * @default false
   */
  readonly acceptPrevious?: boolean;
}

/** Where the Terraform state is kept: S3, or something that speaks it. Changing it replaces no host, but the state must be moved by hand. */
export interface BackendInput {
  /** The bucket; 3 to 63 lower case letters, digits and hyphens. Its key opens the state, and whoever reads that is root. */
  readonly bucket: string;

  /** Its HTTPS URL, without a path: `https://fsn1.your-objectstorage.com`. */
  readonly endpoint: string;

  /** The region it is in; for Hetzner's object storage the location, `fsn1`. */
  readonly region: string;

  /**
   * What the keys of this environment's states begin with, without a slash at either end.
   *
   * @default - the environment's name
   */
  readonly keyPrefix?: string;
}

/** How long a health gate waits for a data center. Changing it replaces no host. */
export interface GateInput {
  /**
   * Seconds until a data center that is not healthy stops the deploy; 60 to 3600. A new machine needs a few minutes to
   * install itself, and a replaced database member has to catch up.
   *
   * @default 900
   */
  readonly timeoutSeconds?: number;

  /**
   * Seconds between two questions; 1 to 60.
   *
   * @default 5
   */
  readonly intervalSeconds?: number;
}

/**
 * A description of an environment: all that differs between two of them.
 *
 * @see defineEnvironment
 */
export interface EnvironmentInput {
  /**
   * 1 to 20 lower case letters, digits and hyphens, beginning with a letter. The first part of every name that the
   * environment makes, so it can't be changed: another name is another environment, and this one would be destroyed.
   */
  readonly name: string;

  /** The domain that its services are below, `example.com`. Changing it replaces every host (certificates carry it). */
  readonly domain: string;

  /**
   * Networks that operators come from, IPv4 or IPv6: the only ones that reach the Kubernetes API, the health agents and the
   * databases' admin port. At least one, none wider than /8 (IPv6: /16), none of the environment's own. Changing
   * them replaces every host (their firewalls are in their user data).
   */
  readonly adminCidrs: readonly string[];

  /**
   * Whether Terraform refuses to destroy what persists: volumes, keys, certificate authorities, networks, addresses. Only
   * for environments that may vanish should it be false. Replaces no host.
   *
   * @default true
   */
  readonly protected?: boolean;

  /**
   * At least three locations of one network zone. The order is the order of deploys: put the one first that you would
   * rather see fail. Adding one replaces every host (lists of peers); the order replaces none.
   */
  readonly dataCenters: Readonly<Partial<Record<LocationName, DataCenterInput>>>;

  /** The machines, by role. A role that is missing has none. Every data center needs a stateful one, to answer its gate. */
  readonly pools: Readonly<Partial<Record<Role, PoolInput>>>;

  /**
   * Address ranges.
   *
   * @default - the default of each range
   */
  readonly network?: NetworkInput;

  /**
   * Certificate authorities in use.
   *
   * @default - number 1 signs, 1 and 2 are trusted
   */
  readonly certificateAuthority?: CertificateAuthorityInput;

  /**
   * Keys of the encrypted volumes.
   *
   * @default - generation 1
   */
  readonly diskKey?: DiskKeyInput;

  /** Where the Terraform state is kept. */
  readonly backend: BackendInput;

  /**
   * Operating system image of every machine. Changing it replaces every host.
   *
   * @default "debian-13"
   */
  readonly image?: string;

  /**
   * How long health gates wait.
   *
   * @default - 900 seconds, asking every 5
   */
  readonly gate?: GateInput;
}
