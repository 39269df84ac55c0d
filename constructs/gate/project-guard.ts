import { DataHcloudNetworks } from "@cdktf/provider-hcloud/lib/data-hcloud-networks";
import { TerraformLocal, TerraformOutput, TerraformResource } from "cdktf";
import { Construct } from "constructs";
import { address, terraformData } from "../terraform";

/** The label that everything of ours carries, whatever the environment. */
export const MANAGED_BY = { "managed-by": "triplicate" } as const;

/** What a project must hold. */
export interface ProjectGuardProps {
  readonly environment: string;
  /** The name of the token's Terraform variable, for the message. */
  readonly tokenVariable: string;
  /**
   * The id of the environment's network, known at plan time.
   *
   * @default - the network is made in this stack: it must be there once {@link formed} is
   */
  readonly networkId?: string;
  /**
   * What is there once the environment is: the network among others.
   *
   * @default - nothing
   */
  readonly formed?: readonly TerraformResource[];
}

/**
 * Refuses, at plan time, a token of another project. With a wrong token Terraform finds nothing of its state, forgets it
 * all, and plans to make everything anew.
 */
export class ProjectGuard extends Construct {
  constructor(scope: Construct, id: string, props: ProjectGuardProps) {
    super(scope, id);
    this.refuseForeign(props);
    if (props.networkId === undefined) this.refuseForgetting(props);
    else this.refuseOthers(props, props.networkId);
  }

  /** Nothing of another environment may be in the project. */
  private refuseForeign({ environment, tokenVariable }: ProjectGuardProps): void {
    const foreign = `[for n in self.networks : n.name if n.labels["environment"] != "${environment}"]`;
    const networks = new DataHcloudNetworks(this, "Foreign", {
      withSelector: "managed-by=triplicate,environment",
      lifecycle: {
        postcondition: [
          {
            condition: `\${length(${foreign}) == 0}`,
            errorMessage:
              `this is the project of another environment: it has the network \${join(", ", ${foreign})}; ` +
              `nothing was changed; set TF_VAR_${tokenVariable} to the token of ${environment}'s project`,
          },
        ],
      },
    });
    networks.overrideLogicalId("foreign");
  }

  /**
   * A record in the state that is made last and never looked up anywhere: where it is, the network must be found too. On the
   * first deploy its output is unknown until all is made, so the question waits for that.
   *
   * The record is read through a local, and the condition stands on an output: a data source that refers to a resource
   * directly, or has a condition itself, is not read at plan time while anything that the resource depends on changes.
   */
  private refuseForgetting(props: ProjectGuardProps): void {
    const formed = terraformData(this, "formed", { input: props.environment });
    formed.dependsOn = (props.formed ?? []).map(address);
    const local = new TerraformLocal(this, "is_formed", "${terraform_data.formed.output}");
    local.overrideLogicalId("formed");
    const networks = new DataHcloudNetworks(this, "Own", { withSelector: "environment=${local.formed}" });
    networks.overrideLogicalId("own");
    const project = new TerraformOutput(this, "project", { value: props.environment });
    project.overrideLogicalId("project");
    const condition = "${length(data.hcloud_networks.own.networks) == 1}";
    project.addOverride("precondition", [{ condition, error_message: notOurs(props) }]);
  }

  /** Without the network that the foundation names, it is another project. */
  private refuseOthers(props: ProjectGuardProps, networkId: string): void {
    const condition = `\${contains(self.networks[*].id, tonumber(${networkId}))}`;
    const networks = new DataHcloudNetworks(this, "Own", {
      withSelector: `environment=${props.environment}`,
      lifecycle: { postcondition: [{ condition, errorMessage: notOurs(props) }] },
    });
    networks.overrideLogicalId("own");
  }
}

function notOurs({ environment, tokenVariable }: ProjectGuardProps): string {
  return (
    `the network of ${environment} is not in this project, so the token is another project's; ` +
    `nothing was changed; set TF_VAR_${tokenVariable} to the token of ${environment}'s project`
  );
}
