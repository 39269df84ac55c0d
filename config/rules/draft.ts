import { isLocationName, LOCATION_NAMES } from "../catalog";
import { ROLE_NAMES } from "../roles";
import { IMAGE } from "../versions";
import { join, Reader } from "./reader";
import { nearest } from "./nearest";
import { readPool, unreadPool } from "./draft-pool";
import type { LocationName } from "../catalog";
import type { Problem } from "../errors";
import type { Places } from "./draft-pool";
import type { Role } from "../roles";

/** A number per data center of the description; NaN where one was given and could not be read. */
export type Counts = Readonly<Partial<Record<LocationName, number>>>;

/** A text and where it stands. */
export interface Located {
  readonly value: string;
  readonly path: string;
}

/** A data center as far as it could be read. */
export interface DraftDataCenter {
  readonly location: LocationName;
  readonly state: "active" | "lost";
  readonly generation: number;
}

/** A volume as far as it could be read. */
export interface DraftVolume {
  readonly name: string;
  readonly sizeGb: number;
  readonly mirrored: boolean;
  readonly path: string;
}

/** A pool as far as it could be read. */
export interface DraftPool {
  readonly role: Role;
  readonly path: string;
  readonly serverTypes: readonly { readonly name: string; readonly path: string }[];
  readonly count: Counts;
  readonly capacity: Counts;
  /** Whether the description has a capacity, or it is the default. */
  readonly capacityGiven: boolean;
  readonly volumes: readonly DraftVolume[];
  /** Whether the volumes were reported as no list, so that none are known. */
  readonly volumesUnread: boolean;
  readonly placementGroupSize: number;
}

/**
 * A description in the shape that rules work on: defaults filled in, "" and NaN in place of what could not be read and was
 * reported. A rule looks at one thing and need not know whether the rest is in order.
 */
export interface Draft {
  readonly name: string;
  readonly domain: string;
  readonly adminCidrs: readonly Located[];
  readonly protected: boolean;
  /** Those of a known location, in the order given. */
  readonly dataCenters: readonly DraftDataCenter[];
  /** How many were described, unknown locations included; NaN if there is nothing to count. */
  readonly dataCenterCount: number;
  readonly pools: Readonly<Record<Role, DraftPool>>;
  readonly network: {
    readonly range: string;
    readonly wireGuardRange: string;
    readonly podRange: string;
    readonly serviceRange: string;
    readonly dockerRange: string;
  };
  readonly certificateAuthority: { readonly signing: number; readonly trusted: readonly number[] };
  readonly diskKey: { readonly generation: number; readonly acceptPrevious: boolean };
  readonly backend: {
    readonly bucket: string;
    readonly endpoint: string;
    readonly region: string;
    /** @default - the environment's name */
    readonly keyPrefix?: string;
  };
  readonly image: string;
  readonly gate: { readonly timeoutSeconds: number; readonly intervalSeconds: number };
}

const KEYS = {
  required: ["name", "domain", "adminCidrs", "dataCenters", "pools", "backend"],
  optional: ["protected", "network", "certificateAuthority", "diskKey", "image", "gate"],
} as const;

/** Reads a description of any shape. What is wrong with the shape is in `problems`; what it means is for the rules. */
export function readDraft(input: unknown): { readonly draft: Draft; readonly problems: readonly Problem[] } {
  const reader = new Reader();
  const record = reader.record(input, "", KEYS) ?? {};
  const given = record.dataCenters === undefined ? undefined : reader.plainObject(record.dataCenters, "dataCenters");
  const dataCenters = readDataCenters(reader, given ?? {});
  const draft: Draft = {
    name: reader.text(record.name, "name"),
    domain: reader.text(record.domain, "domain"),
    adminCidrs: readAdminCidrs(reader, record.adminCidrs),
    protected: reader.flag(record.protected, "protected", true),
    dataCenters,
    dataCenterCount: given === undefined ? NaN : Object.keys(given).length,
    pools: readPools(reader, record.pools, {
      locations: dataCenters.map((dataCenter) => dataCenter.location),
      described: given && Object.keys(given),
    }),
    network: readNetwork(reader, record.network),
    certificateAuthority: readCertificateAuthority(reader, record.certificateAuthority),
    diskKey: readDiskKey(reader, record.diskKey),
    backend: readBackend(reader, record.backend),
    image: reader.text(record.image, "image", IMAGE),
    gate: readGate(reader, record.gate),
  };
  return { draft, problems: reader.problems };
}

function readDataCenters(reader: Reader, given: Readonly<Record<string, unknown>>): DraftDataCenter[] {
  const dataCenters: DraftDataCenter[] = [];
  for (const [location, value] of Object.entries(given)) {
    const path = join("dataCenters", location);
    if (!isLocationName(location)) {
      const meant = nearest(location, LOCATION_NAMES);
      const fix = meant === undefined ? "choose one of them" : `did you mean ${JSON.stringify(meant)}`;
      reader.report(path, "an unknown location", LOCATION_NAMES.join(", "), fix);
      continue;
    }
    const record = reader.record(value, path, { required: [], optional: ["state", "generation"] }) ?? {};
    dataCenters.push({
      location,
      state: reader.oneOf(record.state, `${path}.state`, ["active", "lost"], "active"),
      generation: reader.wholeNumber(record.generation, `${path}.generation`, { min: 1 }, 1),
    });
  }
  return dataCenters;
}

function readAdminCidrs(reader: Reader, value: unknown): Located[] {
  const list = reader.list(value, "adminCidrs");
  if (Array.isArray(value) && list.length === 0) {
    reader.report("adminCidrs", "[]", "at least one network", "add the network that operators come from, or nobody gets in");
  }
  return list.map((entry, index) => {
    const path = `adminCidrs[${index}]`;
    return { value: readEntry(reader, entry, path), path };
  });
}

/** A text inside a list, where undefined is a mistake too. */
function readEntry(reader: Reader, entry: unknown, path: string): string {
  return reader.text(entry ?? null, path);
}

function readPools(reader: Reader, value: unknown, places: Places): Record<Role, DraftPool> {
  const given = value === undefined ? undefined : reader.record(value, "pools", { required: [], optional: ROLE_NAMES });
  const pools = ROLE_NAMES.map((role) => {
    // Without any pools at all, what is missing in each would only be noise.
    const pool = given === undefined ? unreadPool(role, places) : readPool(reader, { role, value: given[role], places });
    return [role, pool] as const;
  });
  return Object.fromEntries(pools) as Record<Role, DraftPool>;
}

function readNetwork(reader: Reader, value: unknown): Draft["network"] {
  const optional = ["range", "wireGuardRange", "podRange", "serviceRange", "dockerRange"] as const;
  const record = reader.record(value === undefined ? {} : value, "network", { required: [], optional }) ?? {};
  return {
    range: reader.text(record.range, "network.range", "10.0.0.0/16"),
    wireGuardRange: reader.text(record.wireGuardRange, "network.wireGuardRange", "10.1.0.0/16"),
    podRange: reader.oneOf(record.podRange, "network.podRange", ["10.42.0.0/16"], "10.42.0.0/16"),
    serviceRange: reader.oneOf(record.serviceRange, "network.serviceRange", ["10.43.0.0/16"], "10.43.0.0/16"),
    dockerRange: reader.text(record.dockerRange, "network.dockerRange", "10.44.0.0/16"),
  };
}

function readCertificateAuthority(reader: Reader, value: unknown): Draft["certificateAuthority"] {
  const path = "certificateAuthority";
  const record = reader.record(value === undefined ? {} : value, path, { required: [], optional: ["signing", "trusted"] }) ?? {};
  const trusted = record.trusted === undefined ? [1, 2] : record.trusted;
  return {
    signing: reader.wholeNumber(record.signing, `${path}.signing`, { min: 1 }, 1),
    trusted: Array.isArray(trusted)
      ? trusted.map((entry: unknown, index) => reader.wholeNumber(entry ?? null, `${path}.trusted[${index}]`, { min: 1 }))
      : // What is no list is reported here; the NaN keeps the rule from reporting an empty one as well.
        [...reader.list(trusted, `${path}.trusted`), NaN].map(Number),
  };
}

function readDiskKey(reader: Reader, value: unknown): Draft["diskKey"] {
  const keys = { required: [], optional: ["generation", "acceptPrevious"] };
  const record = reader.record(value === undefined ? {} : value, "diskKey", keys) ?? {};
  return {
    generation: reader.wholeNumber(record.generation, "diskKey.generation", { min: 1 }, 1),
    acceptPrevious: reader.flag(record.acceptPrevious, "diskKey.acceptPrevious", false),
  };
}

function readBackend(reader: Reader, value: unknown): Draft["backend"] {
  const keys = { required: ["bucket", "endpoint", "region"], optional: ["keyPrefix"] };
  const record = value === undefined ? {} : (reader.record(value, "backend", keys) ?? {});
  return {
    bucket: reader.text(record.bucket, "backend.bucket"),
    endpoint: reader.text(record.endpoint, "backend.endpoint"),
    region: reader.text(record.region, "backend.region"),
    ...(record.keyPrefix === undefined ? {} : { keyPrefix: reader.text(record.keyPrefix, "backend.keyPrefix") }),
  };
}

function readGate(reader: Reader, value: unknown): Draft["gate"] {
  const keys = { required: [], optional: ["timeoutSeconds", "intervalSeconds"] };
  const record = reader.record(value === undefined ? {} : value, "gate", keys) ?? {};
  return {
    timeoutSeconds: reader.wholeNumber(record.timeoutSeconds, "gate.timeoutSeconds", { min: 60, max: 3600, of: "seconds" }, 900),
    intervalSeconds: reader.wholeNumber(record.intervalSeconds, "gate.intervalSeconds", { min: 1, max: 60, of: "seconds" }, 5),
  };
}
