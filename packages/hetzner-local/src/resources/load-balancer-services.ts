/** The services of a load balancer, with the documented defaults. */
import { findByIdOrName, LOAD_BALANCER_TYPES } from "../catalog";
import { apiError, invalidInput } from "../errors";
import { idList, objectList, optionalBoolean, optionalInteger, optionalObject, optionalText, requireInteger, requireOneOf, textList } from "../input";
import type { Json, LoadBalancer, LoadBalancerService } from "../model";
import { act, ref, type Call, type Reply } from "./shared";

const PROTOCOLS = ["tcp", "http", "https"];

/** Seconds, except `retries`. @see https://docs.hetzner.cloud/reference/cloud#load-balancer-actions-add-service */
const HEALTH = { interval: 15, timeout: 10, retries: 3 };

/** The service in wire format: stored as such, so that only the defaults differ. */
export function presentService(service: LoadBalancerService): Json {
  return service;
}

/** The services of a creation request; ports must differ. */
export function readNewServices(call: Call): LoadBalancerService[] {
  const services = objectList(call.body, "services").map((body) => readService(body));
  const repeated = services.find((item, index) => services.findIndex((other) => other.listen_port === item.listen_port) < index);
  if (repeated !== undefined) throw portUsed(repeated.listen_port);
  return services;
}

export function addService(call: Call, balancer: LoadBalancer): Reply {
  const service = readService(call.body);
  if (balancer.services.some((item) => item.listen_port === service.listen_port)) throw portUsed(service.listen_port);
  const max = findByIdOrName(LOAD_BALANCER_TYPES, balancer.type)?.max_services ?? 0;
  if (balancer.services.length >= max) throw apiError("resource_limit_exceeded", `${balancer.type} has at most ${max} services`);
  return change(call, balancer, "add_service", () => { balancer.services.push(service); });
}

export function updateService(call: Call, balancer: LoadBalancer): Reply {
  const current = requireService(call, balancer);
  const service = readService(call.body, current);
  return change(call, balancer, "update_service", () => { balancer.services[balancer.services.indexOf(current)] = service; });
}

export function deleteService(call: Call, balancer: LoadBalancer): Reply {
  const current = requireService(call, balancer);
  return change(call, balancer, "delete_service", () => { balancer.services.splice(balancer.services.indexOf(current), 1); });
}

function change(call: Call, balancer: LoadBalancer, command: string, run: () => void): Reply {
  return act(call, { command, resources: [ref("load_balancer", balancer)], run });
}

function requireService(call: Call, balancer: LoadBalancer): LoadBalancerService {
  const port = requireInteger(call.body, "listen_port");
  const found = balancer.services.find((item) => item.listen_port === port);
  if (found === undefined) throw apiError("not_found", `load balancer '${balancer.name}' has no service on port ${port}`);
  return found;
}

/** Reads a service; what is missing comes from the current one, or else from the documented defaults. */
function readService(body: Json, current?: LoadBalancerService): LoadBalancerService {
  const protocol = body.protocol === undefined && current !== undefined ? current.protocol : requireOneOf(body, "protocol", PROTOCOLS);
  const ports = readPorts(body, current, protocol);
  const http = readHttp(optionalObject(body, "http") ?? {}, currentObject(current, "http"));
  const health = optionalObject(body, "health_check") ?? {};
  return {
    protocol,
    ...ports,
    proxyprotocol: optionalBoolean(body, "proxyprotocol") ?? current?.proxyprotocol ?? false,
    ...(protocol === "tcp" ? {} : { http }),
    health_check: readHealthCheck(health, currentObject(current, "health_check"), protocol, ports.destination_port),
  };
}

function readPorts(
  body: Json, current: LoadBalancerService | undefined, protocol: string,
): Pick<LoadBalancerService, "listen_port" | "destination_port"> {
  return {
    listen_port: port(body, "listen_port") ?? current?.listen_port ?? defaultPort(protocol, protocol),
    destination_port: port(body, "destination_port") ?? current?.destination_port ?? defaultPort(protocol, "http"),
  };
}

function readHttp(body: Json, current: Json): Json {
  const given = {
    cookie_name: optionalText(body, "cookie_name"),
    cookie_lifetime: optionalInteger(body, "cookie_lifetime"),
    certificates: body.certificates === undefined ? undefined : idList(body, "certificates"),
    redirect_http: optionalBoolean(body, "redirect_http"),
    sticky_sessions: optionalBoolean(body, "sticky_sessions"),
    timeout_idle: optionalInteger(body, "timeout_idle"),
  };
  const defaults = { cookie_name: "HCLBSTICKY", cookie_lifetime: 300, certificates: [], redirect_http: false, sticky_sessions: false, timeout_idle: 60 };
  return overlay(defaults, current, given);
}

function readHealthCheck(body: Json, current: Json, protocol: string, destination: number): Json {
  const checked = body.protocol ?? current.protocol ?? (protocol === "tcp" ? "tcp" : "http");
  const given = {
    protocol: requireOneOf({ protocol: checked }, "protocol", PROTOCOLS),
    port: port(body, "port"),
    interval: optionalInteger(body, "interval"),
    timeout: optionalInteger(body, "timeout"),
    retries: optionalInteger(body, "retries"),
  };
  const health = overlay({ port: destination, ...HEALTH }, current, given);
  return checked === "tcp" ? { ...health, http: undefined } : { ...health, http: readHealthHttp(optionalObject(body, "http") ?? {}, currentObject(current, "http")) };
}

function readHealthHttp(body: Json, current: Json): Json {
  const given = {
    domain: optionalText(body, "domain"),
    path: optionalText(body, "path"),
    response: optionalText(body, "response"),
    status_codes: body.status_codes === undefined ? undefined : textList(body, "status_codes"),
    tls: optionalBoolean(body, "tls"),
  };
  return overlay({ domain: "", path: "/", response: "", status_codes: ["2??", "3??"], tls: false }, current, given);
}

/** Later values win where they are given. */
function overlay(...layers: readonly Json[]): Json {
  const entries = layers.flatMap((layer) => Object.entries(layer).filter(([, value]) => value !== undefined));
  return Object.fromEntries(entries);
}

function currentObject(current: Json | undefined, key: string): Json {
  return (current?.[key] as Json | undefined) ?? {};
}

function port(body: Json, field: string): number | undefined {
  const value = optionalInteger(body, field);
  if (value !== undefined && (value < 1 || value > 65535)) throw invalidInput(field, `must be from 1 to 65535, got ${value}`);
  return value;
}

/** HTTP 80, HTTPS 443; TCP has none, both ports must be given. */
function defaultPort(protocol: string, meant: string): number {
  if (protocol === "tcp") throw invalidInput("listen_port", "tcp services need listen_port and destination_port");
  return meant === "https" ? 443 : 80;
}

function portUsed(listenPort: number): Error {
  return apiError("source_port_already_used", `source port ${listenPort} is already in use`);
}
