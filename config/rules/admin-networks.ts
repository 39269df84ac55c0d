import { hostPrefix, overlaps, parseRange, readCidr } from "../addresses";
import { LIMITS } from "../catalog";
import { ownRanges } from "./ranges";
import { quote } from "./rule";
import type { Cidr } from "../addresses";
import type { Problem } from "../errors";
import type { Draft, Located } from "./draft";

/**
 * The widest network that operators can come from. A /8 is the largest block ever given to one organisation in IPv4, and a
 * provider gets a /19 or less in IPv6; what is wider means "the world", or one of the halves it is sometimes written as.
 */
const WIDEST_PREFIX = { ipv4: 8, ipv6: 16 } as const;

/** Where operators come from: whether each is a network, narrow enough, given once, and not one of our own. */
export function adminNetworks(draft: Draft): readonly Problem[] {
  const entries = draft.adminCidrs.filter((entry) => entry.value !== "");
  return [
    ...tooMany(draft),
    ...entries.flatMap((entry, index) => {
      const cidr = readCidr(entry.value);
      return cidr === undefined
        ? [notANetwork(entry)]
        : [...hostBits(entry, cidr), ...tooWide(entry, cidr), ...repeated(entry, cidr, entries.slice(0, index)), ...own(draft, entry, cidr)];
    }),
  ];
}

function tooMany({ adminCidrs }: Draft): readonly Problem[] {
  if (adminCidrs.length <= LIMITS.sourcesPerFirewallRule) {
    return [];
  }
  const allowed = `at most ${LIMITS.sourcesPerFirewallRule} networks, the sources of one firewall rule`;
  return [{ path: "adminCidrs", got: `${adminCidrs.length} networks`, allowed, fix: "join neighbouring networks, or remove some" }];
}

function notANetwork({ value, path }: Located): Problem {
  const prefix = hostPrefix(value);
  const fix = prefix === undefined ? "write an address, a slash and a number" : `write ${quote(`${value}/${prefix}`)}`;
  return { path, got: quote(value), allowed: 'a network like "203.0.113.0/24" or "2001:db8::/32"', fix };
}

function hostBits({ value, path }: Located, cidr: Cidr): readonly Problem[] {
  if (!cidr.hostBits) {
    return [];
  }
  return [{ path, got: quote(value), allowed: "a network without host bits", fix: `write ${quote(cidr.network)}` }];
}

function tooWide({ value, path }: Located, cidr: Cidr): readonly Problem[] {
  const widest = WIDEST_PREFIX[cidr.family];
  if (cidr.prefix >= widest) {
    return [];
  }
  const allowed = `networks of /${widest} or narrower`;
  return [{ path, got: `${quote(value)}, wider than /${widest}`, allowed, fix: "name the networks that operators come from" }];
}

function repeated({ value, path }: Located, cidr: Cidr, earlier: readonly Located[]): readonly Problem[] {
  if (!earlier.some((other) => readCidr(other.value)?.network === cidr.network)) {
    return [];
  }
  return [{ path, got: `${quote(value)} a second time`, allowed: "each network once", fix: "remove it" }];
}

/** One of our own ranges would let every machine and pod in as an operator. What is too wide overlaps everything anyway. */
function own(draft: Draft, { value, path }: Located, cidr: Cidr): readonly Problem[] {
  if (cidr.family !== "ipv4" || cidr.prefix < WIDEST_PREFIX.ipv4) {
    return [];
  }
  const range = parseRange(cidr.network);
  const touched = ownRanges(draft).filter((other) => overlaps(range, other.range));
  if (touched.length === 0) {
    return [];
  }
  const got = `${quote(value)}, which overlaps ${touched.map((other) => other.path).join(", ")}`;
  const allowed = "networks outside the environment's own ranges, whose machines would be operators";
  return [{ path, got, allowed, fix: "remove it, or name a narrower network" }];
}
