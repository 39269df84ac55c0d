import { Construct } from "constructs";
import { Access, ACCESS } from "../config/access";
import { Environment } from "../config/environment";
import { Role, ROLE_NAMES, ROLES } from "../config/roles";
import { loadBalancerAddress, roleAddresses } from "../config/topology";
import { Firewall } from "../constructs/network/firewall";
import { FirewallRule } from "../render/nftables";

/** One Hetzner firewall per role, applied by label to machines as they come: the public side of what is open. */
export function addFirewalls(scope: Construct, environment: Environment, labels: Readonly<Record<string, string>>): void {
  for (const role of ROLE_NAMES) {
    const { slug } = ROLES[role];
    const open = ACCESS[role].filter(({ side }) => side === "public");
    new Firewall(scope, slug, {
      name: `${environment.name}-${slug}`,
      selector: `environment=${environment.name},role=${slug}`,
      inbound: open.map(({ service, protocol, port, from, side }) => ({
        description: service,
        protocol,
        port,
        sources: callers(environment, from, side),
      })),
      labels,
    });
  }
}

/** What a machine's own firewall opens, on all sides. IPv4 only: no machine has an IPv6 address. */
export function hostRules(environment: Environment, role: Role): FirewallRule[] {
  return ACCESS[role].map(({ service, protocol, port, from, side }) => ({
    service,
    protocol,
    port,
    side,
    sources: callers(environment, from, side).filter((source) => !source.includes(":")),
  }));
}

function callers(environment: Environment, from: Access["from"], side: Access["side"]): readonly string[] {
  if (from === "operators") return environment.adminCidrs;
  if (from === "load balancers") return environment.dataCenters.map(({ location }) => loadBalancerAddress(environment, location));
  if (from === "machines") return [environment.network.range];
  return from.flatMap((role) => roleAddresses(environment, role, side === "mesh" ? "mesh" : "private"));
}
