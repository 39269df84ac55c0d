import { ConfigError } from "./errors";
import { build } from "./build";
import { readDraft } from "./rules/draft";
import { RULES } from "./rules";
import type { LocationName } from "./catalog";
import type { EnvironmentInput } from "./input";
import type { Role } from "./roles";

export type { LocationName } from "./catalog";
export type {
  BackendInput,
  CertificateAuthorityInput,
  DataCenterInput,
  DiskKeyInput,
  EnvironmentInput,
  GateInput,
  NetworkInput,
  PoolInput,
  VolumeInput,
} from "./input";

/** A number per location; 0 at locations that the environment does not have. */
export type PerLocation = Readonly<Record<LocationName, number>>;

/** A data center of an environment. */
export interface DataCenter {
  /** The Hetzner location that it is. */
  readonly location: LocationName;

  /** Its number in the address plan, from the catalog: never a position in the description. */
  readonly number: number;

  /** Whether it is there. A lost one keeps its slots, addresses and vote; its stack, gate and DNS records are left out. */
  readonly state: "active" | "lost";

  /** Generation of its certificates and operating systems. */
  readonly generation: number;
}

/** A volume that every machine of a pool has. */
export interface Volume {
  /** Name inside the machine. */
  readonly name: string;

  /** Size in GB, of each half if mirrored. */
  readonly sizeGb: number;

  /** Whether it is two volumes, kept equal by the machine (RAID1). */
  readonly mirrored: boolean;
}

/** The machines of one role, all five roles being there: one that the description does not mention has no slots. */
export interface Pool {
  /** What the machines are for. */
  readonly role: Role;

  /** Server types to try, best first; empty if the pool has no slots. Not every one is sold everywhere: `serverTypesFor`. */
  readonly serverTypes: readonly string[];

  /** Machines per data center. */
  readonly count: PerLocation;

  /** Slots per data center: machines that there can be without telling the others anything. */
  readonly capacity: PerLocation;

  /** Volumes of every machine; empty for stateless roles. */
  readonly volumes: readonly Volume[];

  /** Slots that share one placement group. */
  readonly placementGroupSize: number;
}

/** The address ranges of an environment, as CIDRs. */
export interface Network {
  /** The private network; each data center has one /24 of it. */
  readonly range: string;

  /** Addresses inside the WireGuard mesh, with the same low bits as the private ones. */
  readonly wireGuardRange: string;

  /** Addresses of pods. */
  readonly podRange: string;

  /** Addresses of Kubernetes services. */
  readonly serviceRange: string;

  /** Addresses of containers on Docker hosts. */
  readonly dockerRange: string;
}

/** Which certificate authorities are in use, by number. */
export interface CertificateAuthority {
  /** The one that signs new certificates. */
  readonly signing: number;

  /** The two that every machine trusts. */
  readonly trusted: readonly number[];
}

/** Which keys open the encrypted volumes, by generation. */
export interface DiskKey {
  /** The current one. */
  readonly generation: number;

  /** Those that open a volume, ascending: the current one, and in the middle of a rotation the one before. */
  readonly accepted: readonly number[];
}

/** Where the Terraform state is kept: S3 or something that speaks it. */
export interface Backend {
  /** The bucket. */
  readonly bucket: string;

  /** Its HTTPS URL, without a path. */
  readonly endpoint: string;

  /** The region it is in. */
  readonly region: string;

  /** What the keys of this environment's states begin with, without a slash at either end. */
  readonly keyPrefix: string;
}

/** How long the health gate waits. */
export interface Gate {
  /** Seconds until a data center that is not healthy stops the deploy. */
  readonly timeoutSeconds: number;

  /** Seconds between two questions. */
  readonly intervalSeconds: number;
}

/** An environment with every default filled in, checked, and frozen in depth. Only `defineEnvironment` makes one. */
export interface Environment {
  /** Its name: the first part of every name it makes. */
  readonly name: string;

  /** The domain that its services are below. */
  readonly domain: string;

  /** Where operators come from. */
  readonly adminCidrs: readonly string[];

  /** Whether what persists is guarded against destruction. */
  readonly protected: boolean;

  /** Its data centers in the order of the description, which is the order of deploys. */
  readonly dataCenters: readonly DataCenter[];

  /** Its machines, by role. */
  readonly pools: Readonly<Record<Role, Pool>>;

  /** Its address ranges. */
  readonly network: Network;

  /** Its certificate authorities. */
  readonly certificateAuthority: CertificateAuthority;

  /** The keys of its encrypted volumes. */
  readonly diskKey: DiskKey;

  /** Where its state is. */
  readonly backend: Backend;

  /** The operating system image of every machine. */
  readonly image: string;

  /** Its health gates. */
  readonly gate: Gate;
}

/**
 * Checks a description and fills in the defaults.
 *
 * The argument may come from plain JavaScript or JSON: nothing is taken on trust. It is not kept: changing it afterwards
 * changes nothing.
 *
 * @param input the description
 * @returns the environment, frozen in depth
 * @throws ConfigError with every problem found, not just the first
 */
export function defineEnvironment(input: EnvironmentInput): Environment {
  const { draft, problems } = readDraft(input);
  const all = [...problems, ...RULES.flatMap((rule) => rule(draft))];
  if (all.length > 0) {
    throw new ConfigError(`environment '${draft.name || "unnamed"}'`, all);
  }
  return build(draft);
}

/**
 * Checks what only shows when environments are seen together: two that would write over each other.
 *
 * Each is a Hetzner project of its own, so address ranges and machine names may well be equal.
 *
 * @param all every environment of the app
 * @returns the same environments, frozen
 * @throws ConfigError with every problem found
 */
export function defineEnvironments(all: readonly Environment[]): readonly Environment[] {
  const problems = all.flatMap((environment, index) => {
    const earlier = all.slice(0, index);
    return (["name", "domain"] as const)
      .filter((key) => earlier.some((other) => other[key] === environment[key]))
      .map((key) => ({
        path: `environments[${index}].${key}`,
        got: JSON.stringify(environment[key]),
        allowed: `a ${key} that no other environment has`,
        fix: `choose another ${key}, or remove the environment`,
      }));
  });
  if (problems.length > 0) {
    throw new ConfigError("the set of environments", problems);
  }
  return Object.freeze([...all]);
}
