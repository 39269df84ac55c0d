import { Snapshot } from "hetzner-local";

/** What a project holds, as tables by title: one per data center, one for what they share. The first row is the heading. */
export function inventory(snapshot: Snapshot): Record<string, string[][]> {
  const inOrder = [...snapshot.loadBalancers].sort(byPrivateAddress);
  const locations = [...new Set(inOrder.map(({ location }) => location))];
  const tables = locations.map((location) => [`Data center ${location}`, machines(snapshot, location)]);
  return { ...Object.fromEntries(tables), "What they share": shared(snapshot) };
}

function machines({ servers, volumes, primaryIps, loadBalancers }: Snapshot, location: string): string[][] {
  const keepsAddress = new Set(primaryIps.filter((ip) => !ip.name.startsWith("primary_ip-")).map(({ ip }) => ip));
  const size = new Map(volumes.map(({ name, sizeGb }) => [name, sizeGb]));
  return [
    ["what", "type", "private", "public", "volumes"],
    ...servers
      .filter((server) => server.location === location)
      .sort(byPrivateAddress)
      .map((server) => [
        server.name,
        server.serverType,
        server.privateIps.join(", "),
        `${server.publicIpv4 ?? ""}${keepsAddress.has(server.publicIpv4 ?? "") ? " (stays)" : ""}`,
        server.volumes.map((name) => `${name} (${size.get(name)} GB)`).join("\n"),
      ]),
    ...loadBalancers
      .filter((balancer) => balancer.location === location)
      .map(({ name, privateIps, ipv4, services }) => [name, "load balancer", privateIps.join(", "), `${ipv4} (stays)`, services.join(", ")]),
  ];
}

/** The address plan numbers data centers and machines. */
function byPrivateAddress(a: { readonly privateIps: readonly string[] }, b: { readonly privateIps: readonly string[] }): number {
  const number = ([ip]: readonly string[]) => (ip ?? "").split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return number(a.privateIps) - number(b.privateIps);
}

function shared({ networks, firewalls, zones }: Snapshot): string[][] {
  return [
    ["what", "name", "details"],
    ...networks.map(({ name, ipRange, subnets }) => ["network", name, `${ipRange}: ${subnets.join(", ")}`]),
    ...firewalls.map(({ name, rules, appliedTo }) => ["firewall", name, `${rules} rules in; for ${appliedTo.join(", ")}`]),
    ...zones.map(({ name, records }) => ["DNS zone", name, records.join("\n")]),
  ];
}
