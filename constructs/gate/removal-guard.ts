import { DataHcloudServers } from "@cdktf/provider-hcloud/lib/data-hcloud-servers";
import { Construct } from "constructs";

/** Which machines keep what the foundation holds for them. */
export interface RemovalGuardProps {
  readonly environment: string;
  /** The role labels of the machines that hold state. */
  readonly roles: readonly string[];
  /** The machines of these roles that are described, by name. */
  readonly machines: readonly string[];
}

/**
 * Refuses, at plan time, to destroy volumes and addresses of machines that still run: a machine that is taken out of the
 * description must leave first, which is its data center's deploy, and that comes after the foundation's.
 */
export class RemovalGuard extends Construct {
  constructor(scope: Construct, id: string, { environment, roles, machines }: RemovalGuardProps) {
    super(scope, id);
    const removed = `[for s in self.servers : s if !contains(${JSON.stringify(machines)}, s.name)]`;
    const servers = new DataHcloudServers(this, "Resource", {
      withSelector: `environment=${environment},role in (${roles.join(",")})`,
      lifecycle: {
        postcondition: [
          {
            condition: `\${length(${removed}) == 0}`,
            errorMessage:
              `\${join(", ", ${removed}[*].name)} still runs and is not described any more, so its volumes and its address stay; nothing was ` +
              `changed; deploy its stack first, alone: \${join(", ", distinct([for s in ${removed} : "${environment}-\${s.labels["data-center"]}"]))}`,
          },
        ],
      },
    });
    servers.overrideLogicalId("stateful");
  }
}
