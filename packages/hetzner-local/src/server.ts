/** The HTTP side: authentication, parsing, faults, the request log, errors. */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { registerControlRoutes } from "./control-routes";
import type { LoggedRequest } from "./control";
import { ApiError, apiError, messageOf } from "./errors";
import { isObject } from "./input";
import type { Json } from "./model";
import type { Project } from "./project";
import { registerCatalogs } from "./resources/catalog-resources";
import { registerFirewalls } from "./resources/firewalls";
import { registerLoadBalancers } from "./resources/load-balancers";
import { registerNetworks } from "./resources/networks";
import { registerPlacementGroups } from "./resources/placement-groups";
import { registerPrimaryIps } from "./resources/primary-ips";
import { registerServers } from "./resources/servers";
import { registerSshKeys } from "./resources/ssh-keys";
import { registerVolumes } from "./resources/volumes";
import { registerZones } from "./resources/zones";
import type { Handler, Reply, Routes } from "./resources/shared";
import type { World } from "./world";

const REGISTER = [
  registerCatalogs, registerFirewalls, registerLoadBalancers, registerNetworks, registerPlacementGroups,
  registerPrimaryIps, registerServers, registerSshKeys, registerVolumes, registerZones,
];

/** Tokens have exactly 64 characters; the provider checks it too. */
const TOKEN = /^Bearer ([\x21-\x7e]{64})$/;

/** Builds the application; it does not listen yet. */
export function createApp(world: World): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: true, routerOptions: { maxParamLength: 300 } });
  acceptJson(app);
  app.setErrorHandler((error, _request, reply) => sendError(reply, asApiError(error)));
  app.setNotFoundHandler((request, reply) => sendError(reply, apiError("not_found", `hetzner-local does not answer ${request.method} ${pathOf(request)}`)));
  const routes: Routes = {
    add: (method, path, handler) => {
      app.route({ method, url: `/v1${path}`, handler: (request, reply) => answer(world, handler, request, reply) });
    },
  };
  for (const register of REGISTER) register(routes);
  registerControlRoutes(app, world);
  return app;
}

async function answer(world: World, handler: Handler, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const project = authenticate(world, request);
  const body = isObject(request.body) ? request.body : {};
  const logged = request.method === "GET" ? undefined : world.controls.logRequest(request.method, pathOf(request), project.name, body);
  try {
    const fault = world.controls.takeFault(request.method, pathOf(request));
    if (fault !== undefined) throw fault;
    const params = request.params as Record<string, string>;
    return await send(world, reply, await handler({ world, project, params, query: queryOf(request), body }), logged);
  } catch (error) {
    const apiFailure = asApiError(error);
    if (logged !== undefined) logged.status = apiFailure.status;
    return sendError(reply, apiFailure);
  }
}

/** The answer goes out only after the state is on disk. */
function send(world: World, reply: FastifyReply, { status, body }: Reply, logged: LoggedRequest | undefined): FastifyReply {
  if (logged !== undefined) {
    logged.status = status;
    world.state.save();
  }
  return reply.code(status).send(body);
}

function authenticate(world: World, request: FastifyRequest): Project {
  const token = TOKEN.exec(request.headers.authorization ?? "")?.[1];
  if (token === undefined) throw apiError("unauthorized", "unable to authenticate: a bearer token of 64 characters is needed");
  return world.state.projectOf(token);
}

/** Empty bodies are fine: clients send them with actions that need no input. */
function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, text, done) => {
    if (text === "") return done(null, {});
    try {
      done(null, JSON.parse(text as string));
    } catch {
      done(apiError("json_error", "the request body is not valid JSON"));
    }
  });
}

function queryOf(request: FastifyRequest): Record<string, string[]> {
  const query = request.query as Record<string, string | string[]>;
  return Object.fromEntries(Object.entries(query).map(([key, value]) => [key, Array.isArray(value) ? value : [value]]));
}

function pathOf(request: FastifyRequest): string {
  return request.url.split("?")[0];
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const status = (error as { statusCode?: unknown }).statusCode;
  if (status === 413) return apiError("invalid_input", "the request body is too large");
  return apiError("server_error", `hetzner-local failed: ${messageOf(error)}`);
}

function sendError(reply: FastifyReply, error: ApiError): FastifyReply {
  const body: Json = { error: { code: error.code, message: error.message, details: error.details } };
  return reply.code(error.status).send(body);
}
