/** The end of a server. */
import { apiError } from "../errors";
import type { Server } from "../model";
import type { Project } from "../project";
import { assertMayDetach, driverServer, volumesOf } from "../world";
import { ok, ref, type Call, type Reply } from "./shared";

/** Deletes the machine, detaches volumes, frees addresses; primary IPs with `auto_delete` die too. */
export async function removeServer(call: Call, server: Server): Promise<Reply> {
  const { world, project } = call;
  if (server.protection.delete) throw apiError("protected", `server '${server.name}' is protected against deletion`);
  world.actions.assertFree(ref("server", server));
  for (const volume of volumesOf(project, server)) await assertMayDetach(world, project, server, volume);
  const before = server.status;
  const action = world.actions.start(project, {
    command: "delete_server",
    resources: [ref("server", server)],
    run: async () => {
      server.status = "deleting";
      if (server.machine !== "none") await world.driver.delete(driverServer(project, server));
      forget(project, server);
    },
    undo: () => { server.status = before; },
  });
  return ok({ action });
}

function forget(project: Project, server: Server): void {
  project.remove("servers", server.id);
  for (const volume of volumesOf(project, server)) volume.server = null;
  for (const ip of project.all("primary_ips").filter((item) => item.assignee === server.id)) {
    if (ip.autoDelete) project.remove("primary_ips", ip.id);
    else ip.assignee = null;
  }
  for (const firewall of project.all("firewalls")) firewall.appliedTo = firewall.appliedTo.filter((scope) => scope.server !== server.id);
  for (const balancer of project.all("load_balancers")) balancer.targets = balancer.targets.filter((target) => target.server !== server.id);
}
