import { HcloudProvider } from "@cdktf/provider-hcloud/lib/provider";
import { TerraformStack, TerraformVariable } from "cdktf";
import { Construct } from "constructs";
import { MANAGED_BY } from "../constructs/gate/project-guard";
import { Environment } from "../config/environment";
import { ROLES } from "../config/roles";
import { TERRAFORM } from "../config/versions";
import { keepState, LocalState } from "./state";

/** The role labels of machines that hold state. */
export const STATEFUL_ROLES = Object.values(ROLES)
  .filter(({ stateful }) => stateful)
  .map(({ slug }) => slug);

/** What every stack of an environment is given. */
export interface EnvironmentStackProps {
  readonly environment: Environment;
  /**
   * Keep the state in a directory, for a rehearsal.
   *
   * @default - the environment's bucket
   */
  readonly localState?: LocalState;
}

/** A stack of an environment: its state, its Hetzner project, its labels. */
export class EnvironmentStack extends TerraformStack {
  protected readonly environment: Environment;
  /** The Terraform variable that holds the token of the environment's project. */
  protected readonly tokenVariable: string;
  /** The labels of everything that the stack makes. */
  protected readonly labels: Readonly<Record<string, string>>;

  constructor(scope: Construct, id: string, { environment, localState }: EnvironmentStackProps) {
    super(scope, id);
    this.environment = environment;
    this.tokenVariable = `hcloud_token_${environment.name.replaceAll("-", "_")}`;
    this.labels = { ...MANAGED_BY, environment: environment.name };
    keepState(this, environment, localState);
    this.addOverride("terraform.required_version", TERRAFORM);
    const token = new TerraformVariable(this, this.tokenVariable, {
      type: "string",
      sensitive: true,
      description: `the API token of the Hetzner project of ${environment.name}, with write access`,
    });
    new HcloudProvider(this, "hcloud", { token: token.stringValue });
  }

  /**
   * CDKTF would resolve every value once more here, to find references to other stacks and to make outputs for them: almost
   * half of the time that synthesis takes. There are none: what one stack says to another is one explicit output per data center.
   */
  public override prepareStack(): void {}
}
