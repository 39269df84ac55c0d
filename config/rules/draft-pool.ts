import { LIMITS } from "../catalog";
import { ROLES } from "../roles";
import { join, show } from "./reader";
import { nearest } from "./nearest";
import type { LocationName } from "../catalog";
import type { Role } from "../roles";
import type { Counts, DraftPool, DraftVolume } from "./draft";
import type { Reader } from "./reader";

const KEYS = {
  required: ["serverType", "count"],
  optional: ["fallbacks", "capacity", "volumes", "placementGroupSize"],
} as const;

/** The data centers of the description. */
export interface Places {
  /** Those of a known location. */
  readonly locations: readonly LocationName[];
  /** All names given, misspelt ones too: a number for one of those is no second mistake. Undefined if none could be read. */
  readonly described: readonly string[] | undefined;
}

/** A pool still to be read. */
interface PoolSource {
  readonly role: Role;
  readonly value: unknown;
  readonly places: Places;
}

/** Reads the pool of a role; one that is not described has no slots. */
export function readPool(reader: Reader, source: PoolSource): DraftPool {
  const { role, value, places } = source;
  const { locations } = places;
  const path = `pools.${role}`;
  const record = value === undefined ? undefined : reader.record(value, path, KEYS);
  if (record === undefined) {
    return value === undefined ? emptyPool(role, fill(locations, 0)) : unreadPool(role, places);
  }
  const size = { min: 1, max: LIMITS.serversPerPlacementGroup, of: "machines" };
  const count = readCounts(reader, record.count, { path: `${path}.count`, places, otherwise: fill(locations, NaN), absent: 0 });
  const defaultCapacity = ROLES[role].defaultCapacity;
  return {
    role,
    path,
    serverTypes: readServerTypes(reader, record, path),
    count,
    capacity: readCounts(reader, record.capacity, {
      path: `${path}.capacity`,
      places,
      otherwise: defaultCapacity === undefined ? count : fill(locations, defaultCapacity),
    }),
    capacityGiven: record.capacity !== undefined,
    volumesUnread: record.volumes !== undefined && !Array.isArray(record.volumes),
    volumes: readVolumes(reader, record.volumes, `${path}.volumes`),
    placementGroupSize: reader.wholeNumber(record.placementGroupSize, `${path}.placementGroupSize`, size, size.max),
  };
}

/** A pool that is there and was reported as unreadable: its NaNs keep the rules from adding to that. */
export function unreadPool(role: Role, { locations }: Places): DraftPool {
  return emptyPool(role, fill(locations, NaN));
}

function emptyPool(role: Role, counts: Counts): DraftPool {
  return {
    role,
    path: `pools.${role}`,
    serverTypes: [],
    count: counts,
    capacity: counts,
    capacityGiven: false,
    volumes: [],
    volumesUnread: false,
    placementGroupSize: LIMITS.serversPerPlacementGroup,
  };
}

function readServerTypes(reader: Reader, record: Readonly<Record<string, unknown>>, path: string): DraftPool["serverTypes"] {
  const first = { name: reader.text(record.serverType, `${path}.serverType`), path: `${path}.serverType` };
  const fallbacks = reader.list(record.fallbacks, `${path}.fallbacks`).map((entry, index) => {
    const entryPath = `${path}.fallbacks[${index}]`;
    return { name: reader.text(entry ?? null, entryPath), path: entryPath };
  });
  return [first, ...fallbacks];
}

/** Numbers per location still to be read. */
interface CountsSource {
  readonly path: string;
  readonly places: Places;
  /** What holds where nothing is given at all. */
  readonly otherwise: Counts;
  /**
   * What holds for a location that a list of locations leaves out.
   *
   * @default - as `otherwise`
   */
  readonly absent?: number;
}

function readCounts(reader: Reader, value: unknown, source: CountsSource): Counts {
  const { path, places, otherwise, absent } = source;
  const { locations, described } = places;
  const limits = { min: 0, of: "machines" };
  if (value === undefined) {
    return otherwise;
  }
  if (typeof value !== "object" || value === null) {
    return fill(locations, reader.wholeNumber(value, path, limits));
  }
  const record = reader.plainObject(value, path);
  if (record === undefined) {
    return fill(locations, NaN);
  }
  for (const [key, count] of Object.entries(record)) {
    if (described !== undefined && !described.includes(key)) {
      const meant = nearest(key, locations);
      const fix = meant === undefined ? "describe that data center, or remove the number" : `did you mean ${JSON.stringify(meant)}`;
      reader.report(join(path, key), `${show(count)} for a data center that is not described`, described.join(", "), fix);
    }
  }
  const entries = locations.map((location) => {
    const fallback = absent ?? otherwise[location] ?? 0;
    return [location, reader.wholeNumber(record[location], `${path}.${location}`, limits, fallback)] as const;
  });
  return Object.fromEntries(entries);
}

function readVolumes(reader: Reader, value: unknown, path: string): DraftVolume[] {
  return reader.list(value, path).map((entry, index) => {
    const entryPath = `${path}[${index}]`;
    const keys = { required: ["name", "sizeGb"], optional: ["mirrored"] };
    const record = reader.record(entry, entryPath, keys) ?? {};
    const size = { min: LIMITS.volumeMinGb, max: LIMITS.volumeMaxGb, of: "GB" };
    return {
      name: reader.text(record.name, `${entryPath}.name`),
      sizeGb: reader.wholeNumber(record.sizeGb, `${entryPath}.sizeGb`, size),
      mirrored: reader.flag(record.mirrored, `${entryPath}.mirrored`, false),
      path: entryPath,
    };
  });
}

function fill(locations: readonly LocationName[], value: number): Counts {
  return Object.fromEntries(locations.map((location) => [location, value]));
}
