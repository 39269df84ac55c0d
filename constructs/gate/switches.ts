import { TerraformVariable } from "cdktf";
import { Construct } from "constructs";

/**
 * What an operator can say to one deploy, as environment variables: `TF_VAR_teardown=true`. Never part of the description,
 * since none of it should last.
 */
export class Switches extends Construct {
  /** Expression: the stack is being taken down on purpose, so nobody waits for health. */
  public readonly teardown: string;
  /** Expression: replace machines although another data center is ill. */
  public readonly replaceWhileIll: string;
  /** Expression: how many intervals the gate waits for an answer, and again for health. */
  public readonly gateAttempts: string;

  /**
   * @param scope Where the variables are declared; their names are fixed.
   * @param id Its id.
   * @param gateAttempts How many intervals the gate waits where nobody says otherwise.
   */
  constructor(scope: Construct, id: string, gateAttempts: number) {
    super(scope, id);
    this.teardown = this.declare("teardown", "bool", false, "the stack is taken down on purpose: ask no gate");
    this.replaceWhileIll = this.declare(
      "replace_while_ill",
      "bool",
      false,
      "replace machines although another data center is ill",
    );
    this.gateAttempts = this.declare("gate_attempts", "number", gateAttempts, "how many intervals the health gate waits, for an answer and again for health");
  }

  private declare(name: string, type: string, standard: boolean | number, description: string): string {
    const variable = new TerraformVariable(this, name, { type, default: standard, description });
    variable.overrideLogicalId(name);
    return `var.${name}`;
  }
}
