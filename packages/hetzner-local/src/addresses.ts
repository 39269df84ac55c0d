/**
 * Where public IPv4 addresses come from: a /16 of loopback addresses that an instance claims for itself, or a range that it is given.
 *
 * A public IPv4 of the local cloud must be reachable by the programs under test and must not clash with another instance. Linux
 * answers on all of 127/8 without any setup; macOS needs an alias per address (`ifconfig lo0 alias 127.64.0.1`). A given range belongs
 * to a driver whose machines have a network of their own, which keeps instances apart.
 */
import { createServer, type Server } from "node:net";
import { formatIpv4, parseCidr, type Ipv4Range } from "./cidr";

/** First and last second octet that instances try. Below 64 is left to others (systemd-resolved, Docker, Debian's 127.0.1.1). */
const OCTETS = { first: 64, last: 250 };

/** The port whose binding on `127.X.0.1` means that an instance owns `127.X.0.0/16`. */
export const DEFAULT_LOCK_PORT = 20404;

/** A claim on a range; it ends with `release` or with the process. */
export interface LoopbackClaim {
  readonly octet: number;
  release(): Promise<void>;
}

/**
 * Claims a range: the wanted one or fails, or else the first free one.
 *
 * `tryListen` binds the API on the range's first address; an address in use makes the next range be tried.
 */
export async function claimLoopback(
  lockPort: number, wantedOctet: number | undefined, tryListen: (host: string) => Promise<void>,
): Promise<LoopbackClaim> {
  const last = wantedOctet ?? OCTETS.last;
  for (let octet = wantedOctet ?? OCTETS.first; octet <= last; octet++) {
    const host = `127.${octet}.0.1`;
    const lock = await ignoringAddressInUse(() => bind(host, lockPort));
    if (lock === undefined) continue;
    const claim = { octet, release: () => closed(lock) };
    try {
      if ((await ignoringAddressInUse(() => tryListen(host).then(() => true))) === true) return claim;
    } catch (error) {
      await claim.release();
      throw error;
    }
    await claim.release();
  }
  const range = wantedOctet === undefined ? "all of 127.64.0.0 to 127.250.255.255" : `127.${wantedOctet}.0.0/16, which the state file needs,`;
  throw new Error(`no loopback range is free: ${range} is in use by other instances, or the port is; stop one or choose another port`);
}

/** A range that public addresses are taken from, in order. */
export interface AddressRange {
  readonly cidr: string;
  /** Usable addresses at its beginning that are never given out. */
  readonly skipped: number;
}

/** The range of an octet; the API listens on its first address, and 127.X.0 is left to whatever else an instance needs. */
export function loopbackRange(octet: number): AddressRange {
  return { cidr: `127.${octet}.0.0/16`, skipped: 254 };
}

/** A range that is given, from its sixteenth address on: a driver's gateway and services need some. */
export function givenRange(cidr: string): AddressRange {
  const parsed = parseCidr(cidr);
  if (parsed === undefined || parsed.prefix > 27) {
    throw new Error(`'publicRange' must be an IPv4 CIDR without host bits, /27 or larger, got '${cidr}'; for example 198.18.0.0/16`);
  }
  return { cidr, skipped: 15 };
}

/**
 * The n-th public address of a range, counted from 0, without network-like and broadcast-like endings (0 and 255).
 *
 * @returns undefined when the range is used up; none is ever given out twice
 */
export function publicAddress({ cidr, skipped }: AddressRange, n: number): string | undefined {
  const { first, last } = parseCidr(cidr) as Ipv4Range;
  const index = n + skipped;
  const address = first + 256 * Math.floor(index / 254) + 1 + (index % 254);
  return address < last ? formatIpv4(address) : undefined;
}

async function ignoringAddressInUse<T>(attempt: () => Promise<T>): Promise<T | undefined> {
  try {
    return await attempt();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return undefined;
    throw error;
  }
}

function bind(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => resolve(server));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
