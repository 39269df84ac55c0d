import { Construct } from "constructs";
import { Environment } from "../config/environment";
import { Role, ROLE_NAMES, ROLES } from "../config/roles";
import { HEALTH_PORT } from "../constructs/host/health-agent";
import { Firewall, InboundRule } from "../constructs/network/firewall";

/** The Kubernetes API. */
const KUBERNETES_API_PORT = 6443;

/** The way to the leading Postgres for operators and the databases stack. */
const POSTGRES_ADMIN_PORT = 5433;

/** What operators reach on the public side, by role; the world reaches nothing there. */
const ADMIN_PORTS: Readonly<Record<Role, Readonly<Record<string, number>>>> = {
  kubernetesServer: { "health agent": HEALTH_PORT, "Kubernetes API": KUBERNETES_API_PORT },
  kubernetesAgent: {},
  postgres: { "health agent": HEALTH_PORT, "Postgres, for operators": POSTGRES_ADMIN_PORT },
  worker: {},
  backup: { "health agent": HEALTH_PORT },
};

/** One firewall per role, applied by label to machines as they come. */
export function addFirewalls(scope: Construct, environment: Environment, labels: Readonly<Record<string, string>>): void {
  for (const role of ROLE_NAMES) {
    const { slug } = ROLES[role];
    const inbound = Object.entries(ADMIN_PORTS[role]).map(
      ([description, port]): InboundRule => ({ description, protocol: "tcp", port, sources: environment.adminCidrs }),
    );
    new Firewall(scope, slug, {
      name: `${environment.name}-${slug}`,
      selector: `environment=${environment.name},role=${slug}`,
      inbound,
      labels,
    });
  }
}
