/** Switching machines on and off. */
import { invalidInput } from "../errors";
import type { Server } from "../model";
import type { Project } from "../project";
import { driverServer, publicIp, type World } from "../world";
import { act, ref, type Call, type EntityHandler, type Reply } from "./shared";

/** Work of an action, and what takes it back. */
interface Work {
  readonly run: () => Promise<void>;
  readonly undo: () => void;
}

/** The power actions of the API. */
export const POWER_ACTIONS: Readonly<Record<string, EntityHandler<Server>>> = {
  poweron: powerOn,
  poweroff: (call, server) => act(call, { command: "stop_server", resources: [ref("server", server)], ...powerOffPlan(call, server) }),
  shutdown,
  reboot: (call, server) => act(call, {
    command: "reboot_server",
    resources: [ref("server", server)],
    run: () => call.world.driver.reboot(driverServer(call.project, server)),
  }),
  reset: (call, server) => act(call, {
    command: "reset_server",
    resources: [ref("server", server)],
    run: async () => {
      await powerOffPlan(call, server).run();
      await startMachine(call.world, call.project, server).run();
    },
  }),
};

/** Makes the machine, or switches on the one there is; unless it came up, a rejection leaves the server off. */
export function startMachine(world: World, project: Project, server: Server): Work {
  return {
    run: () => bringUp(world, project, server),
    undo: () => { if (server.status !== "running") server.status = "off"; },
  };
}

/** Makes the machine of a server that has none yet (or whose making failed), else switches it on; then its firewalls take it up. */
async function bringUp(world: World, project: Project, server: Server): Promise<void> {
  server.status = "starting";
  const seen = driverServer(project, server);
  if (server.machine === "made") {
    await world.driver.powerOn(seen);
  } else {
    server.machine = "failed";
    await world.driver.create(seen);
    server.machine = "made";
  }
  server.status = "running";
  await world.firewalls.tell(project, server);
}

function powerOn(call: Call, server: Server): Reply {
  const hasPublic = publicIp(call.project, server, "ipv4") !== undefined || publicIp(call.project, server, "ipv6") !== undefined;
  if (!hasPublic && server.privateNet.length === 0) {
    throw invalidInput("server", `server '${server.name}' needs a public or private network interface to be switched on`);
  }
  const resources = [ref("server", server)];
  if (server.status === "running") return act(call, { command: "start_server", resources });
  return act(call, { command: "start_server", resources, ...startMachine(call.world, call.project, server) });
}

function powerOffPlan(call: Call, server: Server): { run: () => Promise<void> } {
  return {
    run: async () => {
      if (server.machine === "made" && server.status !== "off") await call.world.driver.powerOff(driverServer(call.project, server));
      server.status = "off";
    },
  };
}

/**
 * The action only says that the ACPI signal was sent, as on Hetzner: the server is `off` when the machine obeys, perhaps never.
 *
 * A driver that rejects therefore leaves the server running and the action successful.
 */
function shutdown(call: Call, server: Server): Reply {
  const { world, project } = call;
  return act(call, {
    command: "shutdown_server",
    resources: [ref("server", server)],
    run: () => {
      if (server.status !== "running") return;
      const off = world.driver.shutdown(driverServer(project, server)).then(() => {
        if (server.status === "running") server.status = "off";
        world.state.save();
      });
      world.actions.inBackground(off);
    },
  });
}
