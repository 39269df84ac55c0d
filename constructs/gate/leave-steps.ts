import { TerraformResource } from "cdktf";
import { Construct } from "constructs";
import { HEALTH_PORT } from "../../config/access";
import { Credentials } from "../identity/machine-identity";
import { address, terraformData } from "../terraform";

/** A machine that must leave before it is stopped. Names and Terraform expressions. */
export interface LeavingMachine {
  readonly name: string;
  /** The address at which the operator reaches it. */
  readonly address: string;
  /** Whether it is a member of a quorum. */
  readonly quorum: boolean;
  /** The other members of its quorum: names with addresses. */
  readonly members: readonly { readonly name: string; readonly address: string }[];
  /** Ids that change when the machine or one of its attachments is replaced. */
  readonly replacedWith: readonly string[];
}

/** What leaving consists of. */
export interface LeaveStepsProps {
  readonly machines: readonly LeavingMachine[];
  readonly operator: Credentials;
  /** What they leave: the servers and their volume attachments. */
  readonly after: readonly TerraformResource[];
}

/**
 * The step before a stateful machine is stopped: `triplicate leave` asks it to hand over and close its volumes, and refuses
 * while another member of its quorum is not healthy. When it fails, nothing has been detached yet.
 *
 * One resource with an instance per machine: for a machine that goes, the step still runs, since the block stays. A machine
 * leaves with the operator's credentials of the time when it was made, since a destroy provisioner sees nothing newer: replace
 * it before they expire.
 */
export class LeaveSteps extends Construct {
  public readonly steps: TerraformResource;

  constructor(scope: Construct, id: string, props: LeaveStepsProps) {
    super(scope, id);
    const { trustBundle: ca, certificate, privateKey: key } = props.operator;
    const machines = props.machines.map(({ name, replacedWith, ...machine }) => [
      name,
      { replaced_with: replacedWith, machine: { machine: name, port: HEALTH_PORT, ...machine } },
    ]);
    this.steps = terraformData(this, "leave", {
      for_each: Object.fromEntries(machines),
      input: "${each.value.machine}",
      // the credentials are here and not in the input: that is copied to the output, which a plan shows in clear
      triggers_replace: { replaced_with: "${each.value.replaced_with}", credentials: `\${{ ca = ${ca}, certificate = ${certificate}, key = ${key} }}` },
      lifecycle: { ignore_changes: ["triggers_replace.credentials"] },
      provisioner: [
        {
          "local-exec": {
            when: "destroy",
            command: "npx --no-install triplicate leave",
            // marked as not sensitive, or Terraform would hide what the command says; it prints no part of it
            environment: { TRIPLICATE_LEAVE: "${nonsensitive(jsonencode(merge(self.input, self.triggers_replace.credentials)))}" },
          },
        },
      ],
    });
    this.steps.dependsOn = props.after.map(address);
  }
}
