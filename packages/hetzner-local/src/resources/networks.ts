/** Networks, their subnets and routes. */
import { LOCATIONS } from "../catalog";
import { doOverlap, isInside, isPrivate, parseCidr, parseIpv4, formatIpv4, type Ipv4Range } from "../cidr";
import { apiError, invalidInput } from "../errors";
import { objectList, optionalBoolean, optionalText, requireOneOf, requireText } from "../input";
import type { Json, Network, Subnet } from "../model";
import { attachedTo, detachAll, gatewayOf, usedAddresses } from "../private-net";
import {
  act, assertUnprotected, changeProtection, created, GONE, newEntity, ref, registerResource, type Call, type Reply, type ResourceKind, type Routes,
} from "./shared";

/** @see https://docs.hetzner.com/cloud/networks/overview/ */
const LIMITS = { networkPrefix: 24, subnetPrefix: 30, subnets: 50, routes: 100 };

const KIND: ResourceKind<"networks"> = {
  path: "networks",
  singular: "network",
  present,
  create,
  remove,
  update: (call, network) => {
    network.exposeRoutesToVSwitch = optionalBoolean(call.body, "expose_routes_to_vswitch") ?? network.exposeRoutesToVSwitch;
  },
  actions: {
    add_subnet: (call, network) => {
      const subnet = readSubnet(network, call.body);
      return change(call, network, "add_subnet", () => network.subnets.push(subnet));
    },
    delete_subnet: deleteSubnet,
    add_route: (call, network) => {
      const route = readRoute(network, call.body);
      return change(call, network, "add_route", () => network.routes.push(route));
    },
    delete_route: deleteRoute,
    change_ip_range: changeIpRange,
    change_protection: changeProtection("network"),
  },
};

export function registerNetworks(routes: Routes): void {
  registerResource(routes, KIND);
}

function present(call: Call, network: Network): Json {
  const { servers, loadBalancers } = attachedTo(call.project, network);
  return {
    id: network.id,
    name: network.name,
    created: network.created,
    labels: network.labels,
    protection: network.protection,
    ip_range: network.ipRange,
    subnets: network.subnets.map((subnet) => ({
      type: subnet.type, ip_range: subnet.ipRange, network_zone: subnet.networkZone, gateway: gatewayOf(network), vswitch_id: null,
    })),
    routes: network.routes,
    servers,
    load_balancers: loadBalancers,
    expose_routes_to_vswitch: network.exposeRoutesToVSwitch,
  };
}

function create(call: Call): Reply {
  const ipRange = requireText(call.body, "ip_range");
  checkedRange("ip_range", ipRange, LIMITS.networkPrefix);
  const network: Network = {
    ...newEntity(call, KIND, requireText(call.body, "name")),
    protection: { delete: false },
    ipRange,
    subnets: [],
    routes: [],
    exposeRoutesToVSwitch: optionalBoolean(call.body, "expose_routes_to_vswitch") ?? false,
  };
  for (const subnet of objectList(call.body, "subnets")) network.subnets.push(readSubnet(network, subnet));
  for (const route of objectList(call.body, "routes")) network.routes.push(readRoute(network, route));
  return created({ network: present(call, call.project.add("networks", network)) });
}

/** Hetzner detaches what is attached; strict mode refuses, because a rehearsal that gets here has lost its order. */
function remove(call: Call, network: Network): Reply {
  const { world, project } = call;
  assertUnprotected("network", network);
  world.actions.assertFree(ref("network", network));
  const { servers, loadBalancers } = attachedTo(project, network);
  if (world.rules.strictNetworks && servers.length + loadBalancers.length > 0) {
    throw apiError("resource_in_use", `network '${network.name}' has ${servers.length} servers and ${loadBalancers.length} load balancers `
      + "attached (strict mode of hetzner-local; Hetzner itself would detach them)");
  }
  detachAll(project, network);
  project.remove("networks", network.id);
  return GONE;
}

function deleteSubnet(call: Call, network: Network): Reply {
  const ipRange = requireText(call.body, "ip_range");
  const subnet = network.subnets.find((item) => item.ipRange === ipRange);
  if (subnet === undefined) throw apiError("not_found", `subnet '${ipRange}' not found`);
  const { first, last } = parseCidr(ipRange) as Ipv4Range;
  const isUsed = [...usedAddresses(call.project, network)].some((ip) => within(parseIpv4(ip) as number, first, last));
  // The provider looks for this code and these words.
  if (isUsed) throw apiError("service_error", `cannot remove subnet ${ipRange} because servers are attached to it`);
  return change(call, network, "delete_subnet", () => { network.subnets = network.subnets.filter((item) => item !== subnet); });
}

function deleteRoute(call: Call, network: Network): Reply {
  const destination = requireText(call.body, "destination");
  const route = network.routes.find((item) => item.destination === destination && item.gateway === call.body.gateway);
  if (route === undefined) throw apiError("not_found", `route '${destination}' not found`);
  return change(call, network, "delete_route", () => { network.routes = network.routes.filter((item) => item !== route); });
}

function changeIpRange(call: Call, network: Network): Reply {
  const ipRange = requireText(call.body, "ip_range");
  const wanted = checkedRange("ip_range", ipRange, LIMITS.networkPrefix);
  const current = parseCidr(network.ipRange) as Ipv4Range;
  if (wanted.first !== current.first || wanted.prefix > current.prefix) {
    throw invalidInput("ip_range", `can only be extended at its end; got ${ipRange}, is ${network.ipRange}`);
  }
  return change(call, network, "change_ip_range", () => { network.ipRange = ipRange; });
}

function change(call: Call, network: Network, command: string, apply: () => void): Reply {
  return act(call, { command, resources: [ref("network", network)], run: apply });
}

function readSubnet(network: Network, body: Json): Subnet {
  const type = requireOneOf(body, "type", ["cloud", "server"]);
  const zones = [...new Set(LOCATIONS.map((item) => item.network_zone))];
  const networkZone = requireOneOf(body, "network_zone", zones);
  const ipRange = optionalText(body, "ip_range") ?? firstFreeRange(network);
  const wanted = checkedRange("ip_range", ipRange, LIMITS.subnetPrefix);
  if (!isInside(wanted, parseCidr(network.ipRange) as Ipv4Range)) throw invalidInput("ip_range", `${ipRange} is not inside ${network.ipRange}`);
  const other = network.subnets.find((item) => doOverlap(wanted, parseCidr(item.ipRange) as Ipv4Range));
  if (other !== undefined) throw invalidInput("ip_range", `${ipRange} overlaps subnet ${other.ipRange}`);
  if (network.subnets.length >= LIMITS.subnets) throw apiError("resource_limit_exceeded", `a network has at most ${LIMITS.subnets} subnets`);
  return { type, ipRange, networkZone };
}

/** The first /24 that is free, as documented for subnets without a range. */
function firstFreeRange(network: Network): string {
  const { first, last } = parseCidr(network.ipRange) as Ipv4Range;
  const taken = network.subnets.map((item) => parseCidr(item.ipRange) as Ipv4Range);
  for (let start = first; start <= last; start += 256) {
    if (!taken.some((item) => doOverlap(item, { first: start, last: start + 255, prefix: 24 }))) return `${formatIpv4(start)}/24`;
  }
  throw invalidInput("ip_range", `${network.ipRange} has no free /24`);
}

function readRoute(network: Network, body: Json): { destination: string; gateway: string } {
  const [destination, gateway] = [requireText(body, "destination"), requireText(body, "gateway")];
  if (parseCidr(destination) === undefined) throw invalidInput("destination", `'${destination}' is not a CIDR without host bits`);
  const { first, last } = parseCidr(network.ipRange) as Ipv4Range;
  const number = parseIpv4(gateway);
  if (number === undefined || !within(number, first, last)) throw invalidInput("gateway", `must be an address of ${network.ipRange}`);
  if (gateway === gatewayOf(network)) throw invalidInput("gateway", "must not be the first address of the network");
  if (network.routes.length >= LIMITS.routes) throw apiError("resource_limit_exceeded", `a network has at most ${LIMITS.routes} routes`);
  return { destination, gateway };
}

function checkedRange(field: string, text: string, longestPrefix: number): Ipv4Range {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw invalidInput(field, `'${text}' is not a CIDR without host bits`);
  if (!isPrivate(parsed)) throw invalidInput(field, `${text} is not in a private range (RFC 1918)`);
  if (parsed.prefix > longestPrefix) throw invalidInput(field, `${text} is smaller than /${longestPrefix}`);
  return parsed;
}

function within(value: number, first: number, last: number): boolean {
  return value >= first && value <= last;
}
