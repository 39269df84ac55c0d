import { rmSync } from "node:fs";
import { join } from "node:path";
import { SynthesizedStack } from "./synth";
import { PlannedChanges, Terraform, TerraformResult } from "./terraform";

/** How a stack was deployed: refused at plan, failed at apply, or done. */
export interface Deployed {
  readonly stack: string;
  readonly outcome: "unchanged" | "applied" | "refused" | "failed";
  readonly changes: PlannedChanges;
  /** What Terraform said last: of the plan if it was refused, else of the apply. */
  readonly output: string;
  /** All that Terraform printed, plan and apply. */
  readonly printed: string;
  readonly seconds: number;
}

/** Gives what the work on a stack gives, and may show it meanwhile and when it is done. */
export type Show<T> = (stack: string, work: Promise<T>) => Promise<T>;

const NOTHING: PlannedChanges = { add: 0, change: 0, destroy: 0, actions: {} };

/** The stacks of an environment, as `cdktf deploy` would take them: one after another, stopping at the first that fails. */
export class Deployment {
  private readonly initialized = new Set<string>();

  /**
   * @param stacks The stacks in their order.
   * @param environment Variables under which Terraform runs.
   * @param enter Words before commands that talk to machines; see `LocalCloud`.
   */
  constructor(
    public readonly stacks: readonly SynthesizedStack[],
    private readonly environment: Readonly<Record<string, string>>,
    private readonly enter: readonly string[] = [],
  ) {}

  /** Terraform in a stack's directory, initialized. */
  public async terraform(name: string): Promise<Terraform> {
    const stack = this.stacks.find((candidate) => candidate.name === name);
    if (!stack) throw new Error(`there is no stack '${name}', only ${this.stacks.map((other) => other.name).join(", ")}`);
    const terraform = new Terraform(stack.directory, this.environment, this.enter);
    if (!this.initialized.has(name)) {
      const { exitCode, output } = await terraform.init();
      if (exitCode !== 0) throw new Error(`terraform init of ${name} failed:\n${output}`);
      this.initialized.add(name);
    }
    return terraform;
  }

  /** Plans one stack; exit code 0: no changes, 2: changes, 1: refused or failed. */
  public async plan(name: string, variables: Readonly<Record<string, string>> = {}): Promise<TerraformResult> {
    return (await this.terraform(name)).plan(variables);
  }

  /** Destroys one stack. */
  public async destroy(name: string, variables: Readonly<Record<string, string>> = {}): Promise<TerraformResult> {
    return (await this.terraform(name)).destroy(variables);
  }

  /** Plans one stack, with more options for that if given, and applies it if it changes something. */
  public async deploy(name: string, variables: Readonly<Record<string, string>> = {}, ...options: string[]): Promise<Deployed> {
    const terraform = await this.terraform(name);
    const plan = await terraform.plan(variables, ...options);
    if (plan.exitCode !== 2) return ended(name, plan.exitCode === 0 ? "unchanged" : "refused", NOTHING, plan);
    const changes = await terraform.changes();
    const apply = await terraform.apply(variables);
    rmSync(join(terraform.directory, "plan.tfplan"), { force: true });
    const seconds = plan.seconds + apply.seconds;
    return {
      ...ended(name, apply.exitCode === 0 ? "applied" : "failed", changes, apply),
      printed: plan.output + apply.output,
      seconds,
    };
  }

  /**
   * Deploys all stacks in their order; the last of what it gives is the one that stopped it, if one did.
   *
   * @param variables Variables beside the deployment's own.
   * @param show Is given each stack's work while it is under way, to show it.
   */
  public async deployAll(variables: Readonly<Record<string, string>> = {}, show: Show<Deployed> = (_, work) => work): Promise<Deployed[]> {
    const all: Deployed[] = [];
    for (const { name } of this.stacks) {
      const deployed = await show(name, this.deploy(name, variables));
      all.push(deployed);
      if (deployed.outcome === "refused" || deployed.outcome === "failed") break;
    }
    return all;
  }

  /** Destroys all stacks, the last one first; stops at the first that fails. Parameters as in {@link deployAll}. */
  public async destroyAll(
    variables: Readonly<Record<string, string>> = {},
    show: Show<TerraformResult> = (_, work) => work,
  ): Promise<TerraformResult> {
    let result: TerraformResult = { exitCode: 0, output: "", seconds: 0 };
    for (const { name } of [...this.stacks].reverse()) {
      result = await show(name, this.destroy(name, variables));
      if (result.exitCode !== 0) break;
    }
    return result;
  }
}

function ended(stack: string, outcome: Deployed["outcome"], changes: PlannedChanges, { output, seconds }: TerraformResult): Deployed {
  return { stack, outcome, changes, output, printed: output, seconds };
}
