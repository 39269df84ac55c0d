/** Primary IPs. */
import { findByIdOrName, LOCATIONS, locationNamed } from "../catalog";
import { apiError, invalidInput } from "../errors";
import { optionalBoolean, optionalIdOrName, optionalInteger, requireInteger, requireOneOf, requireText } from "../input";
import type { Json, PrimaryIp, Server } from "../model";
import { publicIp, takePublicIpv4, takePublicIpv6, type World } from "../world";
import {
  act, assertUnprotected, changeProtection, created, GONE, newEntity, ref, referenced, registerResource,
  type Call, type Reply, type ResourceKind, type Routes,
} from "./shared";

const KIND: ResourceKind<"primary_ips"> = {
  path: "primary_ips",
  singular: "primary_ip",
  present,
  create,
  remove,
  update: (call, ip) => {
    const autoDelete = optionalBoolean(call.body, "auto_delete") ?? ip.autoDelete;
    if (autoDelete && ip.protection.delete) throw invalidInput("auto_delete", "can't be true while the primary IP is protected");
    ip.autoDelete = autoDelete;
  },
  filters: { ip: (_call, ip, address) => ip.ip === address },
  actions: { assign, unassign, change_protection: protect },
};

export function registerPrimaryIps(routes: Routes): void {
  registerResource(routes, KIND);
}

/** The address that Hetzner makes for a server that brings none: it dies with the server. */
export function autoPrimaryIp(world: World, server: Server, type: "ipv4" | "ipv6"): PrimaryIp {
  const id = world.state.nextId();
  return {
    id, name: `primary_ip-${id}`, labels: {}, created: new Date().toISOString(), protection: { delete: false },
    type, ip: takeAddress(world, type), location: server.location, autoDelete: true, assignee: server.id,
  };
}

function present(_call: Call, ip: PrimaryIp): Json {
  return {
    id: ip.id,
    name: ip.name,
    created: ip.created,
    labels: ip.labels,
    protection: ip.protection,
    type: ip.type,
    ip: ip.ip,
    location: locationNamed(ip.location),
    auto_delete: ip.autoDelete,
    assignee_id: ip.assignee,
    assignee_type: "server",
    blocked: false,
    dns_ptr: [],
  };
}

function create(call: Call): Reply {
  const type = requireOneOf(call.body, "type", ["ipv4", "ipv6"]) as PrimaryIp["type"];
  const assignee = optionalInteger(call.body, "assignee_id");
  const server = assignee === undefined ? undefined : referenced(call, "servers", assignee);
  if (server !== undefined) assertTakes(call, server, type);
  const ip: PrimaryIp = {
    ...newEntity(call, KIND, requireText(call.body, "name")),
    protection: { delete: false },
    type,
    location: readLocation(call, server),
    ip: takeAddress(call.world, type),
    autoDelete: optionalBoolean(call.body, "auto_delete") ?? false,
    assignee: server?.id ?? null,
  };
  call.project.add("primary_ips", ip);
  const action = call.world.actions.start(call.project, { command: "create_primary_ip", resources: [ref("primary_ip", ip)] });
  return created({ primary_ip: present(call, ip), action });
}

function remove(call: Call, ip: PrimaryIp): Reply {
  assertUnprotected("primary IP", ip);
  call.world.actions.assertFree(ref("primary_ip", ip));
  if (ip.assignee !== null) throw apiError("must_be_unassigned", `primary IP '${ip.name}' is assigned to server ${ip.assignee}`);
  call.project.remove("primary_ips", ip.id);
  return GONE;
}

function assign(call: Call, ip: PrimaryIp): Reply {
  const server = referenced(call, "servers", requireInteger(call.body, "assignee_id"));
  if (ip.assignee !== null) throw apiError("primary_ip_already_assigned", `primary IP '${ip.name}' is already assigned to server ${ip.assignee}`);
  if (ip.location !== server.location) {
    // The code keeps its old name although the API has no data centers any more.
    throw apiError("primary_ip_datacenter_mismatch", `primary IP '${ip.name}' is in ${ip.location}, server '${server.name}' in ${server.location}`);
  }
  assertTakes(call, server, ip.type);
  return act(call, {
    command: "assign_primary_ip",
    resources: [ref("primary_ip", ip), ref("server", server)],
    run: () => { ip.assignee = server.id; },
  });
}

function unassign(call: Call, ip: PrimaryIp): Reply {
  const server = ip.assignee === null ? undefined : call.project.get("servers", ip.assignee);
  if (server === undefined) throw invalidInput("primary_ip", `primary IP '${ip.name}' is not assigned`);
  assertOff(server);
  return act(call, {
    command: "unassign_primary_ip",
    resources: [ref("primary_ip", ip), ref("server", server)],
    run: () => { ip.assignee = null; },
  });
}

function protect(call: Call, ip: PrimaryIp): Reply {
  if (call.body.delete === true && ip.autoDelete) throw invalidInput("delete", "needs auto_delete to be false");
  return changeProtection<PrimaryIp>("primary_ip")(call, ip) as Reply;
}

function assertTakes(call: Call, server: Server, type: PrimaryIp["type"]): void {
  assertOff(server);
  const has = publicIp(call.project, server, type);
  if (has !== undefined) throw apiError(type === "ipv4" ? "server_has_ipv4" : "server_has_ipv6", `server '${server.name}' already has ${has.ip}`);
}

function assertOff(server: Server): void {
  if (server.status !== "off") throw apiError("server_not_stopped", `server '${server.name}' is ${server.status}, it must be off`);
}

function readLocation(call: Call, server: Server | undefined): string {
  if (call.body.datacenter !== undefined) throw invalidInput("datacenter", "was removed from the API on 2026-07-01, use location");
  const key = optionalIdOrName(call.body, "location");
  if (key === undefined && server !== undefined) return server.location;
  const found = key === undefined ? undefined : findByIdOrName(LOCATIONS, key);
  if (found === undefined) throw invalidInput("location", key === undefined ? "is required without assignee_id" : `'${key}' does not exist`);
  return found.name;
}

function takeAddress(world: World, type: PrimaryIp["type"]): string {
  return type === "ipv4" ? takePublicIpv4(world) : takePublicIpv6(world);
}
