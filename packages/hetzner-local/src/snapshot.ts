/** A readable picture of a project, for reports and assertions: names instead of ids. */
import type { Labels, LoadBalancerTarget } from "./model";
import type { Project } from "./project";

/** All that a project holds, by name, in order of creation. */
export interface Snapshot {
  readonly project: string;
  readonly servers: readonly ServerSnapshot[];
  readonly volumes: readonly { name: string; location: string; sizeGb: number; server: string | null; isProtected: boolean }[];
  readonly primaryIps: readonly { name: string; ip: string; location: string; server: string | null; isProtected: boolean }[];
  readonly networks: readonly { name: string; ipRange: string; subnets: readonly string[]; isProtected: boolean }[];
  readonly firewalls: readonly { name: string; rules: number; appliedTo: readonly string[] }[];
  readonly loadBalancers: readonly LoadBalancerSnapshot[];
  readonly zones: readonly { name: string; isProtected: boolean; records: readonly string[] }[];
}

/** A server as a report shows it. */
export interface ServerSnapshot {
  readonly id: number;
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly status: string;
  readonly location: string;
  readonly serverType: string;
  readonly labels: Labels;
  readonly publicIpv4: string | null;
  readonly privateIps: readonly string[];
  readonly volumes: readonly string[];
  readonly placementGroup: string | null;
}

/** A load balancer as a report shows it. */
export interface LoadBalancerSnapshot {
  readonly name: string;
  readonly location: string;
  readonly ipv4: string;
  readonly privateIps: readonly string[];
  /** E.g. `tcp 80 → 30080`. */
  readonly services: readonly string[];
  readonly targets: readonly string[];
}

/** The picture at this moment. */
export function snapshotOf(project: Project): Snapshot {
  const serverName = (id: number | null): string | null => (id === null ? null : project.get("servers", id)?.name ?? null);
  return {
    project: project.name,
    servers: serversOf(project),
    volumes: project.all("volumes").map(({ name, location, size, server, protection }) =>
      ({ name, location, sizeGb: size, server: serverName(server), isProtected: protection.delete })),
    primaryIps: project.all("primary_ips").map(({ name, ip, location, assignee, protection }) =>
      ({ name, ip, location, server: serverName(assignee), isProtected: protection.delete })),
    networks: project.all("networks").map(({ name, ipRange, subnets, protection }) =>
      ({ name, ipRange, subnets: subnets.map((subnet) => subnet.ipRange), isProtected: protection.delete })),
    firewalls: project.all("firewalls").map(({ name, rules, appliedTo }) =>
      ({ name, rules: rules.length, appliedTo: appliedTo.map((scope) => scope.selector ?? serverName(scope.server ?? null) ?? "") })),
    loadBalancers: loadBalancersOf(project, serverName),
    zones: project.all("zones").map(({ name, protection, rrsets }) => ({
      name,
      isProtected: protection.delete,
      records: rrsets.map((set) => `${set.name} ${set.type} ${set.ttl ?? "default"} ${set.records.map((item) => item.value).join(" ")}`),
    })),
  };
}

function serversOf(project: Project): ServerSnapshot[] {
  return project.all("servers").map((server) => ({
    id: server.id,
    name: server.name,
    created: server.created,
    status: server.status,
    location: server.location,
    serverType: server.serverType,
    labels: { ...server.labels },
    publicIpv4: project.all("primary_ips").find((ip) => ip.assignee === server.id && ip.type === "ipv4")?.ip ?? null,
    privateIps: server.privateNet.map((nic) => nic.ip),
    volumes: project.all("volumes").filter((volume) => volume.server === server.id).map((volume) => volume.name),
    placementGroup: server.placementGroup === null ? null : project.get("placement_groups", server.placementGroup)?.name ?? null,
  }));
}

function loadBalancersOf(project: Project, serverName: (id: number | null) => string | null): LoadBalancerSnapshot[] {
  const targetText = (target: LoadBalancerTarget): string => target.selector ?? target.ip ?? serverName(target.server ?? null) ?? "";
  return project.all("load_balancers").map(({ name, location, ipv4, privateNet, services, targets }) => ({
    name,
    location,
    ipv4,
    privateIps: privateNet.map((nic) => nic.ip),
    services: services.map((item) => `${item.protocol} ${item.listen_port} → ${item.destination_port}`),
    targets: targets.map(targetText),
  }));
}
