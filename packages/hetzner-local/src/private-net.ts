/** Addresses in private networks: shared by servers and load balancers, which draw from the same subnets. */
import { locationNamed } from "./catalog";
import { formatIpv4, parseCidr, parseIpv4, type Ipv4Range } from "./cidr";
import { apiError, invalidInput } from "./errors";
import type { Network, Subnet } from "./model";
import type { Project } from "./project";

/** Servers and load balancers that one network takes. @see https://docs.hetzner.com/cloud/networks/overview/ */
export const MAX_ATTACHED = 100;

/** Reserved by Hetzner: the gateway of the public interfaces. */
const PUBLIC_GATEWAY = "172.31.1.1";

/** What an attachment asks for. */
export interface AddressWish {
  /** @default the lowest free address of the first fitting subnet */
  readonly ip?: string;
  /** Restricts the search to one subnet. @default any of the location's network zone */
  readonly ipRange?: string;
  readonly aliasIps: readonly string[];
}

/** The gateway of every subnet: the first address of the network. */
export function gatewayOf(network: Network): string {
  return formatIpv4(range(network.ipRange).first + 1);
}

/** The ids of servers and load balancers in a network. */
export function attachedTo(project: Project, network: Network): { servers: number[]; loadBalancers: number[] } {
  const isHere = (nic: { network: number }): boolean => nic.network === network.id;
  return {
    servers: project.all("servers").filter((item) => item.privateNet.some(isHere)).map((item) => item.id),
    loadBalancers: project.all("load_balancers").filter((item) => item.privateNet.some(isHere)).map((item) => item.id),
  };
}

/** Takes every server and load balancer out of a network. */
export function detachAll(project: Project, network: Network): void {
  for (const server of project.all("servers")) server.privateNet = server.privateNet.filter((nic) => nic.network !== network.id);
  for (const balancer of project.all("load_balancers")) balancer.privateNet = balancer.privateNet.filter((nic) => nic.network !== network.id);
}

/** Every address in use in a network, aliases included. */
export function usedAddresses(project: Project, network: Network): Set<string> {
  const used = new Set<string>();
  for (const server of project.all("servers")) {
    for (const nic of server.privateNet.filter((item) => item.network === network.id)) {
      [nic.ip, ...nic.aliasIps].forEach((ip) => used.add(ip));
    }
  }
  for (const balancer of project.all("load_balancers")) {
    balancer.privateNet.filter((item) => item.network === network.id).forEach((item) => used.add(item.ip));
  }
  return used;
}

/** Chooses or checks the address of a new attachment. */
export function chooseAddress(project: Project, network: Network, location: string, wish: AddressWish): string {
  const attached = attachedTo(project, network);
  if (attached.servers.length + attached.loadBalancers.length >= MAX_ATTACHED) {
    throw apiError("resource_limit_exceeded", `network '${network.name}' has ${MAX_ATTACHED} attached resources already`);
  }
  const subnets = fittingSubnets(network, location, wish.ipRange);
  const used = usedAddresses(project, network);
  const ip = wish.ip === undefined ? lowestFree(network, subnets, used) : wish.ip;
  const wanted = [ip, ...wish.aliasIps];
  wanted.forEach((address) => assertUsable(network, subnets, used, address));
  if (new Set(wanted).size < wanted.length) throw invalidInput("alias_ips", "addresses must differ from each other and from 'ip'");
  return ip;
}

/** Refuses addresses that are outside the subnets, reserved or taken. */
export function assertUsable(network: Network, subnets: readonly Subnet[], used: ReadonlySet<string>, address: string): void {
  const number = parseIpv4(address);
  if (number === undefined) throw invalidInput("ip", `'${address}' is not an IPv4 address`);
  const subnet = subnets.find((item) => isIn(number, range(item.ipRange)));
  if (subnet === undefined) {
    const isElsewhere = network.subnets.some((item) => isIn(number, range(item.ipRange)));
    if (isElsewhere) throw apiError("no_subnet_available", `the subnet of ${address} is not in the network zone of the location, or not the one asked for`);
    throw apiError("ip_not_available", `${address} is in no subnet of network '${network.name}'`);
  }
  if (isReserved(network, range(subnet.ipRange), number)) throw apiError("ip_not_available", `${address} is reserved`);
  if (used.has(address)) throw apiError("ip_not_available", `${address} is already in use in network '${network.name}'`);
}

function fittingSubnets(network: Network, location: string, ipRange: string | undefined): Subnet[] {
  const zone = locationNamed(location).network_zone;
  const fitting = network.subnets.filter((item) => item.networkZone === zone && (ipRange === undefined || item.ipRange === ipRange));
  if (fitting.length === 0) throw apiError("no_subnet_available", `network '${network.name}' has no fitting subnet in network zone ${zone}`);
  return fitting;
}

function lowestFree(network: Network, subnets: readonly Subnet[], used: ReadonlySet<string>): string {
  for (const subnet of subnets) {
    const { first, last } = range(subnet.ipRange);
    for (let number = first + 1; number < last; number++) {
      const address = formatIpv4(number);
      if (!used.has(address) && !isReserved(network, { first, last, prefix: 0 }, number)) return address;
    }
  }
  throw apiError("no_subnet_available", `network '${network.name}' has no free address`);
}

function isReserved(network: Network, subnet: Ipv4Range, address: number): boolean {
  return address === subnet.first || address === subnet.last
    || address === range(network.ipRange).first + 1 || formatIpv4(address) === PUBLIC_GATEWAY;
}

function isIn(address: number, { first, last }: Ipv4Range): boolean {
  return address >= first && address <= last;
}

/** The range of a text that was checked when it was stored. */
function range(text: string): Ipv4Range {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(`stored range '${text}' is not a CIDR`);
  return parsed;
}
