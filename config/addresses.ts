import ipaddr from "ipaddr.js";

/** A range of IPv4 addresses as two numbers: addresses are 32 bits, and numbers are easier to compare than texts. */
export interface Range {
  /** The first address. */
  readonly first: number;

  /** The last address. */
  readonly last: number;

  /** How many leading bits all its addresses share. */
  readonly prefix: number;
}

/** A network as someone wrote it, IPv4 or IPv6. */
export interface Cidr {
  /** Which of the two. */
  readonly family: "ipv4" | "ipv6";

  /** How many leading bits all its addresses share. */
  readonly prefix: number;

  /** The network in its usual form, without host bits: `10.0.0.0/16`. */
  readonly network: string;

  /** Whether what was written has bits set behind the prefix: `10.0.0.1/16`. */
  readonly hostBits: boolean;
}

/** Reads a network; undefined if the text is none. Only the usual notations: no `10.1/16`, no hexadecimal, no zone. */
export function readCidr(text: string): Cidr | undefined {
  const [, address = "", digits = ""] = /^([0-9A-Fa-f.:]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const prefix = Number(digits);
  if (ipaddr.IPv4.isValidFourPartDecimal(address) && prefix <= 32) {
    const network = ipaddr.IPv4.networkAddressFromCIDR(text);
    const written = ipaddr.IPv4.parse(address);
    return { family: "ipv4", prefix, network: `${network}/${prefix}`, hostBits: written.toString() !== network.toString() };
  }
  if (isIPv6(address) && prefix <= 128) {
    const network = ipaddr.IPv6.networkAddressFromCIDR(text);
    const written = ipaddr.IPv6.parse(address).toNormalizedString();
    return { family: "ipv6", prefix, network: `${network}/${prefix}`, hostBits: written !== network.toNormalizedString() };
  }
  return undefined;
}

/** Whether a text is one address without a prefix; then its length as a prefix, 32 or 128. */
export function hostPrefix(text: string): number | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) {
    return 32;
  }
  return isIPv6(text) ? 128 : undefined;
}

/**
 * The range that an IPv4 CIDR stands for; host bits are left out of account.
 *
 * @throws Error if it is not one; what people write was checked before it comes here
 */
export function parseRange(cidr: string): Range {
  const [address, prefix] = ipaddr.IPv4.parseCIDR(cidr);
  const size = 2 ** (32 - prefix);
  const first = Math.floor(toNumber(address) / size) * size;
  return { first, last: first + size - 1, prefix };
}

/** The IPv4 address of a number. */
export function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

/** Whether two ranges have an address in common. */
export function overlaps(left: Range, right: Range): boolean {
  return left.first <= right.last && right.first <= left.last;
}

/** Whether a range lies in another, wholly. */
export function isWithin(inner: Range, outer: Range): boolean {
  return inner.first >= outer.first && inner.last <= outer.last;
}

/** IPv4 in IPv6 clothes (`::ffff:0.0.0.0`) is not taken: a firewall reads it as the one or the other. */
function isIPv6(text: string): boolean {
  return text.includes(":") && ipaddr.IPv6.isValid(text) && !ipaddr.IPv6.parse(text).isIPv4MappedAddress();
}

function toNumber(address: ipaddr.IPv4): number {
  return address.octets.reduce((sum, octet) => sum * 256 + octet, 0);
}
