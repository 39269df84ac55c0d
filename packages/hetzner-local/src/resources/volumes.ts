/** Volumes. */
import { findByIdOrName, LOCATIONS } from "../catalog";
import { apiError, invalidInput, messageOf } from "../errors";
import { optionalIdOrName, optionalInteger, optionalText, requireInteger, requireText } from "../input";
import { locationNamed } from "../catalog";
import type { Action, Json, Server, Volume } from "../model";
import { assertMayDetach, driverServer, driverVolume, volumesOf } from "../world";
import {
  act, assertUnprotected, changeProtection, created, GONE, newEntity, ref, referenced, registerResource,
  type Call, type Reply, type ResourceKind, type Routes,
} from "./shared";

/** Gigabytes, and volumes per server. @see https://docs.hetzner.com/cloud/volumes/overview/ */
const LIMITS = { minSize: 10, maxSize: 10240, perServer: 16 };

const KIND: ResourceKind<"volumes"> = {
  path: "volumes",
  singular: "volume",
  present,
  create,
  remove,
  checkName: (name) => {
    if (!/^[a-zA-Z0-9]([-_.a-zA-Z0-9]{0,62}[a-zA-Z0-9])?$/.test(name)) throw invalidInput("name", `'${name}' is not a valid volume name`);
  },
  filters: { status: (_call, volume, status) => volume.status === status },
  actions: { attach, detach, resize, change_protection: changeProtection("volume") },
};

export function registerVolumes(routes: Routes): void {
  registerResource(routes, KIND);
}

/** Refuses what Hetzner refuses before a volume is attached. */
export function assertAttachable(call: Call, volume: Volume, location: string, attachedCount: number): void {
  if (volume.server !== null) throw apiError("volume_already_attached", `volume '${volume.name}' is already attached, detach it first`);
  if (volume.location !== location) {
    throw invalidInput("server", `volume '${volume.name}' is in ${volume.location}, the server is in ${location}`);
  }
  if (attachedCount >= LIMITS.perServer) throw apiError("resource_limit_exceeded", `a server has at most ${LIMITS.perServer} volumes`);
  call.world.actions.assertFree(ref("volume", volume));
}

function present(_call: Call, volume: Volume): Json {
  return {
    id: volume.id,
    name: volume.name,
    created: volume.created,
    labels: volume.labels,
    protection: volume.protection,
    size: volume.size,
    status: volume.status,
    server: volume.server,
    location: locationNamed(volume.location),
    format: volume.format,
    linux_device: `/dev/disk/by-id/scsi-0HC_Volume_${volume.id}`,
  };
}

function create(call: Call): Reply {
  const serverId = optionalInteger(call.body, "server");
  const server = serverId === undefined ? undefined : referenced(call, "servers", serverId);
  const volume: Volume = {
    ...newEntity(call, KIND, requireText(call.body, "name")),
    protection: { delete: false },
    size: readSize(call),
    status: "creating",
    location: readLocation(call, server),
    format: readFormat(call),
    server: null,
  };
  if (server !== undefined) assertServerTakes(call, volume, server);
  call.project.add("volumes", volume);
  const action = call.world.actions.start(call.project, {
    command: "create_volume",
    resources: [ref("volume", volume)],
    run: () => { volume.status = "available"; },
  });
  const next = server === undefined ? [] : [startAttach(call, volume, server, action)];
  return created({ volume: present(call, volume), action, next_actions: next });
}

/** Not an action: a driver that fails makes the request fail, and the volume stay. */
async function remove(call: Call, volume: Volume): Promise<Reply> {
  const { world, project } = call;
  assertUnprotected("volume", volume);
  world.actions.assertFree(ref("volume", volume));
  if (volume.server !== null) throw apiError("volume_already_attached", `volume '${volume.name}' is attached to a server, detach it first`);
  project.remove("volumes", volume.id);
  try {
    await world.driver.deleteVolume?.(driverVolume(volume));
  } catch (error) {
    project.add("volumes", volume);
    throw apiError("service_error", `volume '${volume.name}' was not deleted: ${messageOf(error)}`);
  }
  return GONE;
}

function attach(call: Call, volume: Volume): Reply {
  const server = referenced(call, "servers", requireInteger(call.body, "server"));
  assertServerTakes(call, volume, server);
  return created({ action: startAttach(call, volume, server) });
}

function assertServerTakes(call: Call, volume: Volume, server: Server): void {
  assertAttachable(call, volume, server.location, volumesOf(call.project, server).length);
  call.world.actions.assertFree(ref("server", server));
}

function startAttach(call: Call, volume: Volume, server: Server, after?: Action): Action {
  const { world, project } = call;
  return world.actions.start(project, {
    command: "attach_volume",
    resources: [ref("server", server), ref("volume", volume)],
    after,
    run: async () => {
      if (server.machine === "made") await world.driver.attachVolume(driverServer(project, server), driverVolume(volume));
      volume.server = server.id;
    },
  });
}

async function detach(call: Call, volume: Volume): Promise<Reply> {
  const { world, project } = call;
  const server = volume.server === null ? undefined : project.get("servers", volume.server);
  if (server === undefined) throw invalidInput("volume", `volume '${volume.name}' is not attached`);
  const resources = [ref("server", server), ref("volume", volume)];
  resources.forEach((item) => world.actions.assertFree(item));
  await assertMayDetach(world, project, server, volume);
  return act(call, {
    command: "detach_volume",
    resources,
    run: async () => {
      if (server.machine === "made") await world.driver.detachVolume(driverServer(project, server), driverVolume(volume));
      volume.server = null;
    },
  });
}

function resize(call: Call, volume: Volume): Reply {
  const size = readSize(call);
  if (size <= volume.size) throw invalidInput("size", `can only grow: is ${volume.size} GB, got ${size} GB`);
  const { world, project } = call;
  return act(call, {
    command: "resize_volume",
    resources: [ref("volume", volume)],
    run: async () => {
      const server = volume.server === null ? undefined : project.get("servers", volume.server);
      const machine = server?.machine === "made" ? driverServer(project, server) : undefined;
      await world.driver.resizeVolume?.(machine, { ...driverVolume(volume), sizeGb: size });
      volume.size = size;
    },
  });
}

function readSize(call: Call): number {
  const size = requireInteger(call.body, "size");
  if (size < LIMITS.minSize || size > LIMITS.maxSize) throw invalidInput("size", `must be from ${LIMITS.minSize} to ${LIMITS.maxSize} GB, got ${size}`);
  return size;
}

function readFormat(call: Call): string | null {
  const format = optionalText(call.body, "format") ?? null;
  if (format !== null && format !== "ext4" && format !== "xfs") throw invalidInput("format", `must be ext4 or xfs, got '${format}'`);
  return format;
}

function readLocation(call: Call, server: Server | undefined): string {
  const key = optionalIdOrName(call.body, "location");
  if ((key === undefined) === (server === undefined)) throw invalidInput("location", "exactly one of location and server is needed");
  if (server !== undefined) return server.location;
  const found = findByIdOrName(LOCATIONS, key as string);
  if (found === undefined) throw invalidInput("location", `'${key}' does not exist`);
  return found.name;
}
