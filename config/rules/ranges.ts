import { isWithin, overlaps, parseRange, readCidr } from "../addresses";
import { HIGHEST_LOCATION_NUMBER } from "../catalog";
import { quote } from "./rule";
import type { Range } from "../addresses";
import type { Problem } from "../errors";
import type { Draft } from "./draft";

/** A range of the description that could be read. */
interface OwnRange {
  readonly path: string;
  readonly value: string;
  readonly range: Range;
}

/** RFC 1918: what Hetzner's networks accept, and what is nobody's on the internet. */
const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"] as const;

/** Ranges that something else on a host already has. */
const TAKEN = [
  { cidr: "172.17.0.0/16", by: "Docker's first bridge", except: "network.dockerRange" },
  // API description, networks: "reserved … can not be used".
  { cidr: "172.31.1.1/32", by: "Hetzner's public gateway", except: undefined },
] as const;

/** Bits of a range that holds the /24s of all location numbers, 0 included: 3 bits for 7, so /21. */
const PLAN_PREFIX = 24 - Math.ceil(Math.log2(HIGHEST_LOCATION_NUMBER + 1));

const KEYS = ["range", "wireGuardRange", "podRange", "serviceRange", "dockerRange"] as const;

const SMALLEST = {
  "network.range": { prefix: PLAN_PREFIX, reason: `a /24 for each location number up to ${HIGHEST_LOCATION_NUMBER}` },
  "network.wireGuardRange": { prefix: PLAN_PREFIX, reason: `a /24 for each location number up to ${HIGHEST_LOCATION_NUMBER}` },
  "network.dockerRange": { prefix: 20, reason: "sixteen bridges of /24" },
} as const;

/** Every range of the description that could be read. */
export function ownRanges({ network }: Draft): readonly OwnRange[] {
  return KEYS.flatMap((key) => {
    const value = network[key];
    const cidr = readCidr(value);
    return cidr?.family === "ipv4" ? [{ path: `network.${key}`, value, range: parseRange(cidr.network) }] : [];
  });
}

/** Each range by itself: whether it is an IPv4 network, private, free and large enough. */
export function rangeGrammar(draft: Draft): readonly Problem[] {
  const unread = KEYS.filter((key) => draft.network[key] !== "" && readCidr(draft.network[key])?.family !== "ipv4");
  return [
    ...unread.map((key) => ({
      path: `network.${key}`,
      got: quote(draft.network[key]),
      allowed: 'an IPv4 network like "10.0.0.0/16"',
      fix: "write an address, a slash and a number",
    })),
    ...ownRanges(draft).flatMap((own) => [...hostBits(own), ...notPrivate(own), ...taken(own), ...tooSmall(own)]),
  ];
}

/** Ranges against each other. The later one of a pair is reported. */
export function overlappingRanges(draft: Draft): readonly Problem[] {
  const ranges = ownRanges(draft);
  return ranges.flatMap((own, index) =>
    ranges
      .slice(0, index)
      .filter((earlier) => overlaps(own.range, earlier.range))
      .map((earlier) => ({
        path: own.path,
        got: `${quote(own.value)}, which overlaps ${earlier.path} ${quote(earlier.value)}`,
        allowed: "ranges that have no address in common",
        fix: "move one of them",
      })),
  );
}

function hostBits({ path, value }: OwnRange): readonly Problem[] {
  const cidr = readCidr(value);
  if (cidr === undefined || !cidr.hostBits) {
    return [];
  }
  return [{ path, got: quote(value), allowed: "a network without host bits", fix: `write ${quote(cidr.network)}` }];
}

function notPrivate({ path, value, range }: OwnRange): readonly Problem[] {
  if (PRIVATE.some((cidr) => isWithin(range, parseRange(cidr)))) {
    return [];
  }
  return [{ path, got: quote(value), allowed: `a network inside ${PRIVATE.join(", ")}`, fix: "choose a private one" }];
}

function taken({ path, value, range }: OwnRange): readonly Problem[] {
  return TAKEN.filter(({ cidr, except }) => except !== path && overlaps(range, parseRange(cidr))).map(({ cidr, by }) => ({
    path,
    got: `${quote(value)}, which overlaps ${quote(cidr)} of ${by}`,
    allowed: "ranges that nothing else on a host has",
    fix: "choose another one",
  }));
}

function tooSmall({ path, value, range }: OwnRange): readonly Problem[] {
  const smallest = isSized(path) ? SMALLEST[path] : undefined;
  if (smallest === undefined || range.prefix <= smallest.prefix) {
    return [];
  }
  return [{ path, got: quote(value), allowed: `/${smallest.prefix} or larger, ${smallest.reason}`, fix: "lower the number behind the slash" }];
}

function isSized(path: string): path is keyof typeof SMALLEST {
  return Object.hasOwn(SMALLEST, path);
}
