/** What firewalls mean for machines: which apply to a server, what they let in, and who was told so. */
import type { DriverFirewallRule, ServerDriver } from "./driver";
import { matches } from "./labels";
import type { Firewall, FirewallRule, FirewallScope, Server } from "./model";
import type { Project } from "./project";
import { driverServer } from "./world";

/** Told of a machine to which no firewall applies; each new one is such. */
const NO_FIREWALL = "no firewall";

/** The machine was told something and refused, so nobody knows what it does. */
const UNKNOWN = "unknown";

/** Whether a firewall's scope has a server in it. */
export function covers(scope: FirewallScope, server: Server): boolean {
  return scope.server === server.id || (scope.selector !== undefined && matches(server.labels, scope.selector));
}

/** The firewalls of a server, direct ones and those whose selector matches. */
export function firewallsOf(project: Project, server: Server): Firewall[] {
  return project.all("firewalls").filter((firewall) => firewall.appliedTo.some((scope) => covers(scope, server)));
}

/** What may come in, or nothing if no firewall applies: then all may. */
export function inboundRules(project: Project, server: Server): DriverFirewallRule[] | undefined {
  const firewalls = firewallsOf(project, server);
  if (firewalls.length === 0) return undefined;
  const rules = firewalls.flatMap((firewall) => firewall.rules).flatMap(driverRule);
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
}

/** Keeps machines informed: each is told what differs from what it was told last, one thing after another. */
export class MachineFirewalls {
  private readonly told = new WeakMap<Server, string>();
  private readonly turns = new WeakMap<Server, Promise<void>>();

  constructor(private readonly driver: ServerDriver) {}

  /** Whether a machine has to be told something. */
  isStale(project: Project, server: Server): boolean {
    const hasMachine = server.machine === "made" && server.status !== "deleting";
    if (this.driver.updateFirewalls === undefined || !hasMachine) return false;
    return textOf(inboundRules(project, server)) !== (this.told.get(server) ?? NO_FIREWALL);
  }

  tell(project: Project, server: Server): Promise<void> {
    const turn = (this.turns.get(server) ?? Promise.resolve()).then(() => this.update(project, server));
    this.turns.set(server, turn.catch(() => undefined));
    return turn;
  }

  async tellAll(project: Project): Promise<void> {
    await Promise.all(project.all("servers").map((server) => this.tell(project, server)));
  }

  private async update(project: Project, server: Server): Promise<void> {
    if (!this.isStale(project, server)) return;
    const rules = inboundRules(project, server);
    this.told.set(server, UNKNOWN);
    await this.driver.updateFirewalls?.(driverServer(project, server), rules);
    this.told.set(server, textOf(rules));
  }
}

function textOf(rules: readonly DriverFirewallRule[] | undefined): string {
  return rules === undefined ? NO_FIREWALL : JSON.stringify(rules);
}

function driverRule({ direction, protocol, port, source_ips: sources }: FirewallRule): DriverFirewallRule[] {
  if (direction !== "in") return [];
  if (protocol === "icmp") return [{ protocol, sources }];
  if (protocol !== "tcp" && protocol !== "udp") return [];
  return [{ protocol, port: port === null || port === "any" ? "1-65535" : port, sources }];
}
