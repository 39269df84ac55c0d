/** Servers: what they look like, and the actions that are neither power nor network. */
import { findByIdOrName, IMAGES, locationNamed } from "../catalog";
import { apiError, invalidInput } from "../errors";
import { optionalBoolean, requireInteger } from "../input";
import { firewallsOf, inboundRules } from "../machine-firewalls";
import type { Json, PlacementGroup, Server } from "../model";
import { serverTypeNamed } from "../server-types";
import { publicIp, volumesOf } from "../world";
import { presentImage, presentServerType } from "./catalog-resources";
import { isTarget } from "./load-balancer-targets";
import { assertRoom, presentPlacementGroup } from "./placement-groups";
import { checkServerName, createServer } from "./server-create";
import { attachToNetwork, changeAliasIps, detachFromNetwork } from "./server-network";
import { POWER_ACTIONS } from "./server-power";
import { removeServer } from "./server-remove";
import { changeServerType } from "./server-type-change";
import { act, ref, referenced, registerResource, type Call, type Reply, type ResourceKind, type Routes } from "./shared";

const KIND: ResourceKind<"servers"> = {
  path: "servers",
  singular: "server",
  present,
  create: (call) => createServer(call, present),
  remove: removeServer,
  checkName: checkServerName,
  updated: followLabels,
  filters: { status: (_call, server, status) => server.status === status },
  actions: {
    ...POWER_ACTIONS,
    attach_to_network: attachToNetwork,
    detach_from_network: detachFromNetwork,
    change_alias_ips: changeAliasIps,
    change_type: changeServerType,
    change_protection: changeServerProtection,
    add_to_placement_group: addToPlacementGroup,
    remove_from_placement_group: removeFromPlacementGroup,
  },
};

export function registerServers(routes: Routes): void {
  registerResource(routes, KIND);
}

function present(call: Call, server: Server): Json {
  const { world, project } = call;
  const group = server.placementGroup === null ? undefined : project.get("placement_groups", server.placementGroup);
  const image = findByIdOrName(IMAGES, String(server.image));
  return {
    id: server.id,
    name: server.name,
    created: server.created,
    labels: server.labels,
    status: server.status,
    locked: world.actions.isLocked(ref("server", server)),
    protection: server.protection,
    location: locationNamed(server.location),
    server_type: presentServerType(world.controls, serverTypeNamed(server.serverType)),
    image: image === undefined ? null : presentImage(image),
    iso: null,
    rescue_enabled: false,
    backup_window: null,
    primary_disk_size: server.diskGb,
    public_net: presentPublicNet(call, server),
    private_net: server.privateNet.map(({ network, ip, aliasIps, macAddress }) => ({ network, ip, alias_ips: aliasIps, mac_address: macAddress })),
    volumes: volumesOf(project, server).map((volume) => volume.id),
    load_balancers: project.all("load_balancers").filter((balancer) => isTarget(balancer, server)).map((balancer) => balancer.id),
    placement_group: group === undefined ? null : presentPlacementGroup(project, group),
    included_traffic: 20 * 1024 ** 4,
    ingoing_traffic: 0,
    outgoing_traffic: 0,
  };
}

function presentPublicNet(call: Call, server: Server): Json {
  const [ipv4, ipv6] = [publicIp(call.project, server, "ipv4"), publicIp(call.project, server, "ipv6")];
  return {
    ipv4: ipv4 === undefined ? null : { id: ipv4.id, ip: ipv4.ip, blocked: false, dns_ptr: `static.${ipv4.ip}.local` },
    ipv6: ipv6 === undefined ? null : { id: ipv6.id, ip: ipv6.ip, blocked: false, dns_ptr: [] },
    floating_ips: [],
    firewalls: firewallsOf(call.project, server).map((firewall) => ({ id: firewall.id, status: "applied" })),
  };
}

/** Label selectors follow in an action of their own: a change of labels itself is none, so nobody waits for it. */
function followLabels({ world, project }: Call, server: Server): void {
  if (!world.firewalls.isStale(project, server)) return;
  world.actions.start(project, {
    command: inboundRules(project, server) === undefined ? "remove_firewall" : "apply_firewall",
    resources: [ref("server", server)],
    locks: [],
    run: () => world.firewalls.tell(project, server),
  });
}

/** Hetzner has one switch for both: `rebuild` must equal `delete`. */
function changeServerProtection(call: Call, server: Server): Reply {
  const wanted = {
    delete: optionalBoolean(call.body, "delete") ?? server.protection.delete,
    rebuild: optionalBoolean(call.body, "rebuild") ?? server.protection.rebuild,
  };
  if (wanted.delete !== wanted.rebuild) throw invalidInput("rebuild", "must have the same value as delete");
  return act(call, { command: "change_protection", resources: [ref("server", server)], run: () => { server.protection = wanted; } });
}

function addToPlacementGroup(call: Call, server: Server): Reply {
  const group: PlacementGroup = referenced(call, "placement_groups", requireInteger(call.body, "placement_group"));
  if (server.status !== "off") throw apiError("server_not_stopped", `server '${server.name}' is ${server.status}, it must be off`);
  if (server.placementGroup !== null) throw invalidInput("placement_group", `server '${server.name}' is in a placement group already`);
  assertRoom(call.project, group);
  return act(call, {
    command: "add_to_placement_group",
    resources: [ref("server", server), ref("placement_group", group)],
    run: () => { server.placementGroup = group.id; },
  });
}

/** Works on a running server: the reference asks for a stopped one only when adding. */
function removeFromPlacementGroup(call: Call, server: Server): Reply {
  if (server.placementGroup === null) throw invalidInput("server", `server '${server.name}' is in no placement group`);
  return act(call, { command: "remove_from_placement_group", resources: [ref("server", server)], run: () => { server.placementGroup = null; } });
}
