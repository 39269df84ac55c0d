/** IPv4 arithmetic on plain numbers: the API's private networks are IPv4 only. */

/** A range of IPv4 addresses, both ends included. */
export interface Ipv4Range {
  readonly first: number;
  readonly last: number;
  /** Bits of the prefix, 0–32. */
  readonly prefix: number;
}

const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/** The number of an address, or nothing if the text is not one. */
export function parseIpv4(text: string): number | undefined {
  const octets = text.split(".");
  if (octets.length !== 4 || !octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) < 256)) return undefined;
  return octets.reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

/** The dotted form of an address. */
export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

/** The range of a CIDR text, or nothing if it is malformed or has host bits set. */
export function parseCidr(text: string): Ipv4Range | undefined {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text);
  const first = match === null ? undefined : parseIpv4(match[1]);
  const prefix = Number(match?.[2]);
  if (first === undefined || prefix > 32) return undefined;
  const size = 2 ** (32 - prefix);
  return first % size === 0 ? { first, last: first + size - 1, prefix } : undefined;
}

/** Whether a range lies within another. */
export function isInside(inner: Ipv4Range, outer: Ipv4Range): boolean {
  return inner.first >= outer.first && inner.last <= outer.last;
}

/** Whether an address lies within a range; both must be well-formed. */
export function isWithin(address: string, cidr: string): boolean {
  const [number, range] = [parseIpv4(address), parseCidr(cidr)];
  return number !== undefined && range !== undefined && number >= range.first && number <= range.last;
}

/** Whether two ranges share an address. */
export function doOverlap(a: Ipv4Range, b: Ipv4Range): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Whether a range lies within one of RFC 1918's. */
export function isPrivate(range: Ipv4Range): boolean {
  return PRIVATE.some((text) => isInside(range, parseCidr(text) as Ipv4Range));
}
