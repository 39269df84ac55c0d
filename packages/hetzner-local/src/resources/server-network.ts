/** Servers in private networks. */
import { parseCidr, doOverlap, type Ipv4Range } from "../cidr";
import { apiError, invalidInput } from "../errors";
import { optionalText, requireInteger, textList } from "../input";
import type { Network, PrivateNic, Server } from "../model";
import { assertUsable, chooseAddress, usedAddresses, type AddressWish } from "../private-net";
import { driverNic, driverServer } from "../world";
import { act, ref, referenced, type Call, type Reply } from "./shared";

/** @see https://docs.hetzner.com/cloud/networks/overview/ */
const LIMITS = { networksPerServer: 3, aliasIps: 5 };

/** A checked interface with its address; nothing is recorded yet. */
export function newNic(call: Call, server: Server, network: Network, wish: AddressWish): PrivateNic {
  if (server.privateNet.some((nic) => nic.network === network.id)) {
    throw apiError("server_already_attached", `server '${server.name}' is already attached to network '${network.name}'`);
  }
  if (server.privateNet.length >= LIMITS.networksPerServer) {
    throw apiError("resource_limit_exceeded", `a server has at most ${LIMITS.networksPerServer} networks`);
  }
  assertNoOverlap(call, server, network);
  assertFewAliases(wish.aliasIps);
  const ip = chooseAddress(call.project, network, server.location, wish);
  return { network: network.id, ip, aliasIps: [...wish.aliasIps], macAddress: macAddress(call.world.state.nextId()) };
}

/** The address is taken at once, so that nobody else gets it; the machine sees the interface inside the action. */
export function attachToNetwork(call: Call, server: Server): Reply {
  const { world, project } = call;
  const network = referenced(call, "networks", requireInteger(call.body, "network"));
  world.actions.assertFree(ref("server", server));
  world.actions.assertFree(ref("network", network));
  const wish = { ip: optionalText(call.body, "ip"), ipRange: optionalText(call.body, "ip_range"), aliasIps: textList(call.body, "alias_ips") };
  const nic = newNic(call, server, network, wish);
  server.privateNet.push(nic);
  return act(call, {
    command: "attach_to_network",
    resources: [ref("server", server), ref("network", network)],
    locks: [ref("server", server)],
    run: async () => {
      if (server.machine === "made") await world.driver.attachNic(driverServer(project, server), driverNic(project, nic));
    },
    undo: () => { server.privateNet = server.privateNet.filter((item) => item !== nic); },
  });
}

export function detachFromNetwork(call: Call, server: Server): Reply {
  const { world, project } = call;
  const nic = requireNic(call, server);
  return act(call, {
    command: "detach_from_network",
    resources: [ref("server", server), { id: nic.network, type: "network" }],
    locks: [ref("server", server)],
    run: async () => {
      if (server.machine === "made") await world.driver.detachNic(driverServer(project, server), driverNic(project, nic));
      server.privateNet = server.privateNet.filter((item) => item !== nic);
    },
  });
}

/** Aliases are only recorded: a machine has to configure them by hand on Hetzner too. */
export function changeAliasIps(call: Call, server: Server): Reply {
  const nic = requireNic(call, server);
  const network = referenced(call, "networks", nic.network);
  const aliasIps = textList(call.body, "alias_ips");
  assertFewAliases(aliasIps);
  const used = usedAddresses(call.project, network);
  nic.aliasIps.forEach((ip) => used.delete(ip));
  aliasIps.forEach((ip) => assertUsable(network, network.subnets, used, ip));
  return act(call, {
    command: "change_alias_ips",
    resources: [ref("server", server), ref("network", network)],
    locks: [ref("server", server)],
    run: () => { nic.aliasIps = aliasIps; },
  });
}

function requireNic(call: Call, server: Server): PrivateNic {
  const id = requireInteger(call.body, "network");
  const nic = server.privateNet.find((item) => item.network === id);
  if (nic === undefined) throw invalidInput("network", `server '${server.name}' is not attached to network ${id}`);
  return nic;
}

function assertNoOverlap(call: Call, server: Server, network: Network): void {
  const range = parseCidr(network.ipRange) as Ipv4Range;
  for (const nic of server.privateNet) {
    const other = referenced(call, "networks", nic.network);
    if (doOverlap(range, parseCidr(other.ipRange) as Ipv4Range)) {
      throw apiError("networks_overlap", `network '${network.name}' overlaps network '${other.name}' of server '${server.name}'`);
    }
  }
}

function assertFewAliases(aliasIps: readonly string[]): void {
  if (aliasIps.length > LIMITS.aliasIps) throw invalidInput("alias_ips", `at most ${LIMITS.aliasIps} are allowed`);
}

/** Hetzner's private interfaces have addresses of this form. */
function macAddress(id: number): string {
  const tail = id.toString(16).padStart(8, "0").slice(-8);
  return `86:00:${tail.replace(/(..)(?=.)/g, "$1:")}`;
}
