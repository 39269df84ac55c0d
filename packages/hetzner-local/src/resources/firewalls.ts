/** Firewalls: stored here; a driver may be told what they let in. */
import { apiError, invalidInput } from "../errors";
import { objectList, optionalObject, optionalText, requireInteger, requireOneOf, requireText, textList } from "../input";
import { parseSelector } from "../labels";
import { covers } from "../machine-firewalls";
import type { Action, Firewall, FirewallRule, FirewallScope, Json } from "../model";
import { publicIp } from "../world";
import { created, GONE, newEntity, ref, registerResource, type Call, type Reply, type ResourceKind, type Routes } from "./shared";

/** @see https://docs.hetzner.com/cloud/firewalls/overview/#limits */
const MAX_RULES = 50;

/** What actions change. */
type Content = Pick<Firewall, "rules" | "appliedTo">;

const KIND: ResourceKind<"firewalls"> = {
  path: "firewalls",
  singular: "firewall",
  present,
  create,
  remove,
  actions: { set_rules: setRules, apply_to_resources: applyTo, remove_from_resources: removeFrom },
};

export function registerFirewalls(routes: Routes): void {
  registerResource(routes, KIND);
}

function present(call: Call, firewall: Firewall): Json {
  const { id, name, labels, created: createdAt, rules } = firewall;
  return { id, name, labels, created: createdAt, rules, applied_to: firewall.appliedTo.map((scope) => presentScope(call, scope)) };
}

function presentScope(call: Call, scope: FirewallScope): Json {
  if (scope.server !== undefined) return { type: "server", server: { id: scope.server } };
  const covered = call.project.all("servers").filter((server) => covers(scope, server));
  return {
    type: "label_selector",
    label_selector: { selector: scope.selector },
    applied_to_resources: covered.map((server) => ({ type: "server", server: { id: server.id } })),
  };
}

function create(call: Call): Reply {
  const firewall: Firewall = {
    ...newEntity(call, KIND, requireText(call.body, "name")),
    rules: readRules(call.body),
    appliedTo: [],
  };
  const scopes = readScopes(call, "apply_to");
  assertDistinct(scopes);
  call.project.add("firewalls", firewall);
  const commands = [...(firewall.rules.length > 0 ? ["set_firewall_rules"] : []), ...scopes.map(() => "apply_firewall")];
  firewall.appliedTo.push(...scopes);
  const nowhere = { rules: firewall.rules, appliedTo: [] };
  const run = (): Promise<void> => change(call, firewall, {}, nowhere);
  return created({ firewall: present(call, firewall), actions: startAll(call, firewall, commands, run) });
}

/** Refused while any server is covered; a selector that matches none does not count (not certain of the real API). */
function remove(call: Call, firewall: Firewall): Reply {
  call.world.actions.assertFree(ref("firewall", firewall));
  const covered = call.project.all("servers").filter((server) => firewall.appliedTo.some((scope) => covers(scope, server)));
  if (covered.length > 0) throw apiError("resource_in_use", `firewall '${firewall.name}' is still applied to ${covered.length} servers`);
  call.project.remove("firewalls", firewall.id);
  return GONE;
}

function setRules(call: Call, firewall: Firewall): Reply {
  const rules = readRules(call.body);
  call.world.actions.assertFree(ref("firewall", firewall));
  return created({ actions: startAll(call, firewall, ["set_firewall_rules"], () => change(call, firewall, { rules })) });
}

function applyTo(call: Call, firewall: Firewall): Reply {
  const scopes = readScopes(call, "apply_to");
  assertDistinct([...firewall.appliedTo, ...scopes]);
  call.world.actions.assertFree(ref("firewall", firewall));
  const run = (): Promise<void> => change(call, firewall, { appliedTo: [...firewall.appliedTo, ...scopes] });
  return created({ actions: startAll(call, firewall, ["apply_firewall"], run) });
}

function removeFrom(call: Call, firewall: Firewall): Reply {
  const scopes = readScopes(call, "remove_from");
  for (const scope of scopes) assertRemovable(call, firewall, scope);
  call.world.actions.assertFree(ref("firewall", firewall));
  const isKept = (item: FirewallScope): boolean => !scopes.some((scope) => isSame(item, scope));
  const run = (): Promise<void> => change(call, firewall, { appliedTo: firewall.appliedTo.filter(isKept) });
  return created({ actions: startAll(call, firewall, ["remove_firewall"], run) });
}

function assertRemovable(call: Call, firewall: Firewall, scope: FirewallScope): void {
  if (firewall.appliedTo.some((item) => isSame(item, scope)) || scope.server === undefined) return;
  const server = call.project.get("servers", scope.server);
  if (server !== undefined && firewall.appliedTo.some((item) => covers(item, server))) {
    throw apiError("firewall_managed_by_label_selector", `firewall '${firewall.name}' is applied to server '${server.name}' by a label selector`);
  }
}

/** Records a change and tells the machines; where one refuses, `former` is recorded again and told to all. */
async function change({ world, project }: Call, firewall: Firewall, changed: Partial<Content>, former: Content = contentOf(firewall)): Promise<void> {
  Object.assign(firewall, changed);
  try {
    await world.firewalls.tellAll(project);
  } catch (error) {
    Object.assign(firewall, former);
    await world.firewalls.tellAll(project).catch(() => undefined);
    throw error;
  }
}

function contentOf({ rules, appliedTo }: Firewall): Content {
  return { rules, appliedTo };
}

/** The first action does the work; several of one request run side by side. */
function startAll(call: Call, firewall: Firewall, commands: readonly string[], run: () => Promise<void>): Action[] {
  const resources = [ref("firewall", firewall)];
  return commands.map((command, index) =>
    call.world.actions.start(call.project, { command, resources, locks: index === 0 ? resources : [], run: index === 0 ? run : undefined }));
}

function readScopes(call: Call, field: string): FirewallScope[] {
  return objectList(call.body, field).map((item) => {
    const type = requireOneOf(item, "type", ["server", "label_selector"]);
    if (type === "label_selector") return readSelector(item);
    const id = requireInteger(optionalObject(item, "server") ?? {}, "id");
    const server = call.project.get("servers", id);
    if (server === undefined) throw apiError("firewall_resource_not_found", `server ${id} not found`);
    if (publicIp(call.project, server, "ipv4") === undefined && publicIp(call.project, server, "ipv6") === undefined) {
      throw apiError("private_net_only_server", `server '${server.name}' has no public interface`);
    }
    return { server: id };
  });
}

function readSelector(item: Json): FirewallScope {
  const selector = requireText(optionalObject(item, "label_selector") ?? {}, "selector");
  parseSelector(selector);
  return { selector };
}

function assertDistinct(scopes: readonly FirewallScope[]): void {
  const repeated = scopes.find((scope, index) => scopes.slice(0, index).some((other) => isSame(scope, other)));
  if (repeated !== undefined) throw apiError("firewall_already_applied", `already applied to ${JSON.stringify(repeated)}`);
}

function readRules(body: Json): FirewallRule[] {
  const rules = objectList(body, "rules").map(readRule);
  if (rules.length > MAX_RULES) throw invalidInput("rules", `has ${rules.length} rules, at most ${MAX_RULES} are allowed`);
  return rules;
}

function readRule(rule: Json): FirewallRule {
  const protocol = requireOneOf(rule, "protocol", ["tcp", "udp", "icmp", "esp", "gre"]);
  const direction = requireOneOf(rule, "direction", ["in", "out"]);
  const addresses = { source_ips: textList(rule, "source_ips"), destination_ips: textList(rule, "destination_ips") };
  const needed = direction === "in" ? "source_ips" : "destination_ips";
  if (addresses[needed].length === 0) throw invalidInput("rules", `a rule of direction '${direction}' needs ${needed}`);
  const description = optionalText(rule, "description") ?? null;
  return { direction, protocol, port: readPort(rule, protocol), ...addresses, description };
}

function readPort(rule: Json, protocol: string): string | null {
  const port = optionalText(rule, "port") ?? null;
  const needsPort = protocol === "tcp" || protocol === "udp";
  if (!needsPort && port !== null) throw invalidInput("rules", `a ${protocol} rule must not have a port`);
  if (needsPort && (port === null || !isPortRange(port))) {
    throw invalidInput("rules", `a ${protocol} rule needs a port or a range, got '${port}'`);
  }
  return port;
}

function isPortRange(text: string): boolean {
  if (text === "any") return true;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  return from >= 1 && to <= 65535 && from <= to;
}

function isSame(a: FirewallScope, b: FirewallScope): boolean {
  return a.server === b.server && a.selector === b.selector;
}
