/** The creation of servers: everything is checked first, then recorded, then the machine is made inside the actions. */
import { randomBytes } from "node:crypto";
import { findByIdOrName, IMAGES, LOCATIONS, type Image } from "../catalog";
import { apiError, invalidInput } from "../errors";
import { idList, objectList, optionalBoolean, optionalIdOrName, optionalInteger, optionalObject, optionalText, requireInteger, requireText } from "../input";
import type { Firewall, Json, PrimaryIp, Server, Volume } from "../model";
import { SERVER_TYPES, type ServerType } from "../server-types";
import { assertRoom } from "./placement-groups";
import { autoPrimaryIp } from "./primary-ips";
import { newNic } from "./server-network";
import { startMachine } from "./server-power";
import { created, newEntity, ref, referenced, type Call, type Reply } from "./shared";
import { assertAttachable } from "./volumes";

/** Bytes. @see https://docs.hetzner.cloud/reference/cloud#servers-create-a-server */
const MAX_USER_DATA_BYTES = 32768;

/** What is connected to the server as it is created. */
interface Connections {
  readonly volumes: readonly Volume[];
  readonly firewalls: readonly Firewall[];
  readonly ips: Readonly<Record<PrimaryIp["type"], PrimaryIp | "new" | "none">>;
}

/** Refuses what is not a host name by RFC 1123. */
export function checkServerName(name: string): void {
  if (name.length > 253 || !name.split(".").every((part) => /^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/.test(part))) {
    throw invalidInput("name", `'${name}' is not a valid host name (RFC 1123)`);
  }
}

export function createServer(call: Call, present: (call: Call, server: Server) => Json): Reply {
  const server = readServer(call);
  const connections = readConnections(call, server);
  for (const id of idList(call.body, "networks")) server.privateNet.push(newNic(call, server, referenced(call, "networks", id), { aliasIps: [] }));
  record(call, server, connections);
  const isStarted = optionalBoolean(call.body, "start_after_create") ?? true;
  return created({ ...startCreation(call, server, isStarted), server: present(call, server), root_password: rootPassword(call) });
}

function readServer(call: Call): Server {
  const location = readLocation(call);
  const type = readServerType(call, location);
  const placementGroup = optionalInteger(call.body, "placement_group") ?? null;
  if (placementGroup !== null) assertRoom(call.project, referenced(call, "placement_groups", placementGroup));
  return {
    ...newEntity(call, { path: "servers", checkName: checkServerName }, requireText(call.body, "name")),
    status: "initializing",
    serverType: type.name,
    image: readImage(call, type).id,
    location,
    userData: readUserData(call),
    diskGb: type.disk,
    placementGroup,
    privateNet: [],
    protection: { delete: false, rebuild: false },
    machine: "none",
  };
}

function readConnections(call: Call, server: Server): Connections {
  const volumes = idList(call.body, "volumes").map((id) => referenced(call, "volumes", id));
  volumes.forEach((volume, index) => assertAttachable(call, volume, server.location, index));
  const firewalls = objectList(call.body, "firewalls").map((item) => referenced(call, "firewalls", requireInteger(item, "firewall")));
  if (new Set(firewalls).size < firewalls.length) throw apiError("server_already_added", "a firewall is given more than once");
  for (const key of call.body.ssh_keys === undefined ? [] : idList(call.body, "ssh_keys")) referenced(call, "ssh_keys", key);
  return { volumes, firewalls, ips: { ipv4: readPrimaryIp(call, server, "ipv4"), ipv6: readPrimaryIp(call, server, "ipv6") } };
}

function record(call: Call, server: Server, { volumes, firewalls, ips }: Connections): void {
  call.project.add("servers", server);
  for (const volume of volumes) volume.server = server.id;
  for (const firewall of firewalls) firewall.appliedTo.push({ server: server.id });
  for (const type of ["ipv4", "ipv6"] as const) {
    const ip = ips[type];
    if (ip === "new") call.project.add("primary_ips", autoPrimaryIp(call.world, server, type));
    else if (ip !== "none") ip.assignee = server.id;
  }
}

/** `create_server` reserves; the machine is made by `start_server`, which follows unless the server shall stay off. */
function startCreation(call: Call, server: Server, isStarted: boolean): Json {
  const { world, project } = call;
  const resources = [ref("server", server)];
  const action = world.actions.start(project, {
    command: "create_server",
    resources,
    run: () => { server.status = isStarted ? "starting" : "off"; },
  });
  if (!isStarted) return { action, next_actions: [] };
  const start = world.actions.start(project, { command: "start_server", resources, after: action, ...startMachine(call.world, call.project, server) });
  return { action, next_actions: [start] };
}

function readLocation(call: Call): string {
  if (call.body.datacenter !== undefined) throw invalidInput("datacenter", "was removed from the API on 2026-07-01, use location");
  const key = optionalIdOrName(call.body, "location");
  const found = key === undefined ? LOCATIONS.find((item) => call.world.controls.isLocationAvailable(item.name)) : findByIdOrName(LOCATIONS, key);
  if (found === undefined) throw invalidInput("location", `'${key}' does not exist`);
  return found.name;
}

/** A type that can be ordered in a location, or an error that says why not. */
export function readServerType(call: Call, location: string): ServerType {
  const key = optionalIdOrName(call.body, "server_type");
  const type = key === undefined ? undefined : findByIdOrName(SERVER_TYPES, key);
  if (type === undefined) throw invalidInput("server_type", `'${key}' is not a server type`);
  const offer = type.locations.find((item) => item.name === location);
  if (offer === undefined) throw apiError("invalid_input", `unsupported location for server type: ${type.name} is not sold in ${location}`);
  if (offer.deprecation !== null) throw apiError("invalid_server_type", `server type ${type.name} can't be ordered in ${location} any more`);
  if (!call.world.controls.isServerTypeAvailable(type.name, location)) {
    throw apiError("resource_unavailable", `error during placement: ${type.name} is not available in ${location}`);
  }
  return type;
}

function readImage(call: Call, type: ServerType): Image {
  const key = optionalIdOrName(call.body, "image");
  const named = IMAGES.filter((item) => item.name === key || String(item.id) === key);
  if (named.length === 0) throw invalidInput("image", `'${key}' does not exist`);
  const image = named.find((item) => item.architecture === type.architecture);
  if (image === undefined) throw invalidInput("image", `${key} is not for ${type.architecture}, which ${type.name} needs`);
  return image;
}

function readUserData(call: Call): string {
  const userData = optionalText(call.body, "user_data") ?? "";
  const bytes = Buffer.byteLength(userData);
  if (bytes > MAX_USER_DATA_BYTES) throw invalidInput("user_data", `has ${bytes} bytes, at most ${MAX_USER_DATA_BYTES} are allowed`);
  return userData;
}

function readPrimaryIp(call: Call, server: Server, type: PrimaryIp["type"]): PrimaryIp | "new" | "none" {
  const wanted = optionalObject(call.body, "public_net") ?? {};
  const id = optionalInteger(wanted, type);
  if (id === undefined) return optionalBoolean(wanted, `enable_${type}`) ?? true ? "new" : "none";
  const ip = referenced(call, "primary_ips", id);
  if (ip.assignee !== null) throw apiError("primary_ip_assigned", `primary IP '${ip.name}' is already assigned to server ${ip.assignee}`);
  if (ip.type !== type) throw apiError("primary_ip_version_mismatch", `primary IP '${ip.name}' is ${ip.type}, needed is ${type}`);
  if (ip.location !== server.location) {
    throw apiError("primary_ip_datacenter_mismatch", `primary IP '${ip.name}' is in ${ip.location}, the server in ${server.location}`);
  }
  call.world.actions.assertFree(ref("primary_ip", ip));
  return ip;
}

/** Hetzner makes a password for root only where no SSH key is given. */
function rootPassword(call: Call): string | null {
  return idList(call.body, "ssh_keys").length > 0 ? null : randomBytes(9).toString("base64url");
}
