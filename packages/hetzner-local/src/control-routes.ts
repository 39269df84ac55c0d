/** The controls over HTTP, under `/_control`: outside the API, without token, for tests only. */
import type { FastifyInstance } from "fastify";
import { LOCATIONS } from "./catalog";
import { apiError, invalidInput, notFound } from "./errors";
import { isObject, optionalBoolean, optionalInteger, optionalText, requireText } from "./input";
import type { Json } from "./model";
import { SERVER_TYPES } from "./server-types";
import { snapshotOf } from "./snapshot";
import type { World } from "./world";

interface Path {
  readonly Params: Readonly<Record<"name" | "location" | "server", string>>;
}

export function registerControlRoutes(app: FastifyInstance, world: World): void {
  const { controls } = world;
  app.put<Path>("/_control/locations/:name", async (request, reply) => {
    controls.setLocationAvailable(checked(LOCATIONS, "location", request.params.name), isAvailable(request.body));
    return reply.code(204).send();
  });
  app.put<Path>("/_control/server_types/:name/:location", async (request, reply) => {
    const type = checked(SERVER_TYPES, "server type", request.params.name);
    controls.setServerTypeAvailable(type, checked(LOCATIONS, "location", request.params.location), isAvailable(request.body));
    return reply.code(204).send();
  });
  app.put<Path>("/_control/projects/:name/servers/:server", async (request, reply) => {
    await controlServer(world, request.params.name, request.params.server, bodyOf(request.body));
    return reply.code(204).send();
  });
  app.get<Path>("/_control/projects/:name", async (request) => snapshotOf(requireProject(world, request.params.name)));
  app.put("/_control/faults", async (request, reply) => {
    controls.addFault(readFault(bodyOf(request.body)));
    return reply.code(204).send();
  });
  app.get("/_control/requests", async () => ({ requests: controls.requests() }));
  app.delete("/_control/requests", async (_request, reply) => {
    controls.clearRequests();
    return reply.code(204).send();
  });
}

/** Hands a behaviour to the driver; refuses if the driver can't be controlled. The server need not exist yet. */
export async function controlServer(world: World, project: string, server: string, behaviour: Json): Promise<void> {
  requireProject(world, project);
  if (world.driver.control === undefined) throw apiError("unsupported_error", `this driver has no controls: ${world.driver.describes}`);
  await world.driver.control(server, behaviour);
}

/** A project by name, or `not_found`. */
export function requireProject(world: World, name: string) {
  const project = world.state.allProjects().find((item) => item.name === name);
  if (project === undefined) throw notFound("project", name);
  return project;
}

function checked(items: readonly { readonly name: string }[], what: string, name: string): string {
  if (!items.some((item) => item.name === name)) throw notFound(what, name);
  return name;
}

function isAvailable(body: unknown): boolean {
  const available = optionalBoolean(bodyOf(body), "available");
  if (available === undefined) throw invalidInput("available", "is required");
  return available;
}

function readFault(body: Json) {
  return {
    method: optionalText(body, "method"),
    pathPattern: requireText(body, "pathPattern"),
    status: optionalInteger(body, "status"),
    code: optionalText(body, "code"),
    times: optionalInteger(body, "times"),
  };
}

function bodyOf(body: unknown): Json {
  return isObject(body) ? body : {};
}
