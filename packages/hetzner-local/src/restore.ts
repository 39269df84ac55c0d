/** What a loaded state needs before it can be served. */
import { startMachine } from "./resources/server-power";
import { ref } from "./resources/shared";
import type { Server } from "./model";
import type { Project } from "./project";
import type { World } from "./world";

/** Ends the actions of the former life, and starts the machines of running servers again (by actions, so they are locked meanwhile). */
export function restoreMachines(world: World, isRestarted: boolean): void {
  for (const project of world.state.allProjects()) {
    endActions(project);
    for (const server of project.all("servers")) restoreServer(world, project, server, isRestarted);
    for (const volume of project.all("volumes")) volume.status = "available";
  }
}

function restoreServer(world: World, project: Project, server: Server, isRestarted: boolean): void {
  const wasOn = server.status !== "off" && server.status !== "deleting";
  server.machine = "none";
  server.status = wasOn ? "running" : "off";
  if (!wasOn || !isRestarted) return;
  server.status = "starting";
  world.actions.start(project, { command: "start_server", resources: [ref("server", server)], ...startMachine(world, project, server) });
}

function endActions(project: Project): void {
  for (const action of project.actions.values()) {
    if (action.status !== "running") continue;
    action.status = "error";
    action.error = { code: "action_failed", message: "the API was restarted while this action was running" };
    action.finished = new Date().toISOString();
  }
}
