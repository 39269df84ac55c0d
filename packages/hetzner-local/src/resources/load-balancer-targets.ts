/** The targets of a load balancer. Health is never checked: every target's status is `unknown`. */
import { findByIdOrName, LOAD_BALANCER_TYPES } from "../catalog";
import { parseIpv4 } from "../cidr";
import { apiError, invalidInput } from "../errors";
import { optionalBoolean, optionalObject, requireInteger, requireOneOf, requireText } from "../input";
import { matches, parseSelector } from "../labels";
import type { Json, LoadBalancer, LoadBalancerTarget, Server } from "../model";
import { publicIp } from "../world";
import { act, ref, referenced, type Call, type Reply } from "./shared";

export function presentTarget(call: Call, balancer: LoadBalancer, target: LoadBalancerTarget): Json {
  const health_status = balancer.services.map((service) => ({ listen_port: service.listen_port, status: "unknown" }));
  const use_private_ip = target.usePrivateIp;
  if (target.ip !== undefined) return { type: "ip", ip: { ip: target.ip }, health_status, use_private_ip };
  if (target.server !== undefined) return { type: "server", server: { id: target.server }, health_status, use_private_ip };
  const servers = call.project.all("servers").filter((server) => isSelected(balancer, target, server));
  return {
    type: "label_selector",
    label_selector: { selector: target.selector },
    use_private_ip,
    targets: servers.map((server) => ({ type: "server", server: { id: server.id }, health_status, use_private_ip })),
  };
}

/** Whether a server is a target, by id or by selector. */
export function isTarget(balancer: LoadBalancer, server: Server): boolean {
  return balancer.targets.some((target) => target.server === server.id || isSelected(balancer, target, server));
}

/** The targets of a creation request. */
export function readNewTargets(call: Call, balancer: LoadBalancer, bodies: readonly Json[]): LoadBalancerTarget[] {
  const targets: LoadBalancerTarget[] = [];
  for (const body of bodies) targets.push(readTarget(call, { ...balancer, targets }, body));
  return targets;
}

export function addTarget(call: Call, balancer: LoadBalancer): Reply {
  const target = readTarget(call, balancer, call.body);
  return change(call, balancer, "add_target", () => { balancer.targets.push(target); });
}

export function removeTarget(call: Call, balancer: LoadBalancer): Reply {
  const wanted = readIdentity(call.body);
  const target = balancer.targets.find((item) => isSame(item, wanted));
  if (target === undefined) throw apiError("not_found", `load balancer '${balancer.name}' has no such target`);
  return change(call, balancer, "remove_target", () => { balancer.targets = balancer.targets.filter((item) => item !== target); });
}

function change(call: Call, balancer: LoadBalancer, command: string, run: () => void): Reply {
  return act(call, { command, resources: [ref("load_balancer", balancer)], run });
}

function readTarget(call: Call, balancer: LoadBalancer, body: Json): LoadBalancerTarget {
  const identity = readIdentity(body);
  const usePrivateIp = optionalBoolean(body, "use_private_ip") ?? false;
  if (balancer.targets.some((item) => isSame(item, identity))) throw apiError("target_already_defined", "this target is already defined");
  const max = findByIdOrName(LOAD_BALANCER_TYPES, balancer.type)?.max_targets ?? 0;
  if (balancer.targets.length >= max) throw apiError("resource_limit_exceeded", `${balancer.type} has at most ${max} targets`);
  if (usePrivateIp && balancer.privateNet.length === 0) {
    throw apiError("load_balancer_not_attached_to_network", `load balancer '${balancer.name}' is not attached to a network`);
  }
  if (identity.server !== undefined) assertReachable(call, balancer, referenced(call, "servers", identity.server), usePrivateIp);
  return { ...identity, usePrivateIp };
}

function readIdentity(body: Json): Omit<LoadBalancerTarget, "usePrivateIp"> {
  const type = requireOneOf(body, "type", ["server", "label_selector", "ip"]);
  if (type === "server") return { server: requireInteger(optionalObject(body, "server") ?? {}, "id") };
  if (type === "label_selector") {
    const selector = requireText(optionalObject(body, "label_selector") ?? {}, "selector");
    parseSelector(selector);
    return { selector };
  }
  const ip = requireText(optionalObject(body, "ip") ?? {}, "ip");
  if (parseIpv4(ip) === undefined) throw invalidInput("ip", `'${ip}' is not an IPv4 address`);
  return { ip };
}

function assertReachable(call: Call, balancer: LoadBalancer, server: Server, usePrivateIp: boolean): void {
  if (usePrivateIp && !sharesNetwork(balancer, server)) {
    throw apiError("server_not_attached_to_network", `server '${server.name}' is not in the network of load balancer '${balancer.name}'`);
  }
  if (!usePrivateIp && publicIp(call.project, server, "ipv4") === undefined) {
    throw apiError("missing_ipv4", `server '${server.name}' has no public IPv4 address`);
  }
}

function isSelected(balancer: LoadBalancer, target: LoadBalancerTarget, server: Server): boolean {
  return target.selector !== undefined && matches(server.labels, target.selector) && (!target.usePrivateIp || sharesNetwork(balancer, server));
}

function sharesNetwork(balancer: LoadBalancer, server: Server): boolean {
  return balancer.privateNet.some((nic) => server.privateNet.some((other) => other.network === nic.network));
}

function isSame(a: Omit<LoadBalancerTarget, "usePrivateIp">, b: Omit<LoadBalancerTarget, "usePrivateIp">): boolean {
  return a.server === b.server && a.selector === b.selector && a.ip === b.ip;
}
