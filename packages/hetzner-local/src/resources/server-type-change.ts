/** Changing the type of a server. */
import { apiError } from "../errors";
import { optionalBoolean } from "../input";
import type { Server } from "../model";
import { serverTypeNamed } from "../server-types";
import { readServerType } from "./server-create";
import { startMachine } from "./server-power";
import { act, ref, type Call, type Reply } from "./shared";

/** Needs a stopped server and starts it afterwards, as documented; disks never shrink, and once upgraded stay so. */
export function changeServerType(call: Call, server: Server): Reply {
  if (server.status !== "off") throw apiError("server_not_stopped", `server '${server.name}' is ${server.status}, it must be off`);
  const type = readServerType(call, server.location);
  const current = serverTypeNamed(server.serverType);
  if (type.architecture !== current.architecture) {
    throw apiError("invalid_server_type", `${type.name} is ${type.architecture}, server '${server.name}' is ${current.architecture}`);
  }
  if (type.disk < server.diskGb) throw apiError("invalid_server_type", `the disk of ${type.name} is smaller than the server's ${server.diskGb} GB`);
  const isDiskUpgraded = optionalBoolean(call.body, "upgrade_disk") ?? false;
  const start = startMachine(call.world, call.project, server);
  return act(call, {
    command: "change_server_type",
    resources: [ref("server", server)],
    run: async () => {
      server.serverType = type.name;
      if (isDiskUpgraded) server.diskGb = type.disk;
      await start.run();
    },
    undo: start.undo,
  });
}
