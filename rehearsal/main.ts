import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import Table from "cli-table3";
import { Hosts, LocalCloud, startLocalCloud } from "./cloud";
import { Deployed, Deployment } from "./deployment";
import { inventory } from "./inventory";
import { MachineWatch } from "./machine-watch";
import { firstError, printBeside, whileWorking } from "./progress";
import { ResultLine, writeResult } from "./result";
import { synthesize } from "./synth";
import { interruptTerraform, repositoryRoot, terraformBinary } from "./terraform";

/** What to rehearse. */
export interface RehearseOptions {
  /** The environment's name: `dev`. */
  readonly environment: string;
  /**
   * What the servers of the local cloud do; `vm` boots each with QEMU from its exact user_data.
   *
   * @default "simulated" - each runs the real health agent on a loopback address
   */
  readonly hosts?: Hosts;
}

export { keepCloud } from "./keep-cloud";

/** A user's mistake or a missing tool: shown as it is, without a stack trace. */
class RehearsalStopped extends Error {}

/**
 * Applies an environment with real Terraform and the real Hetzner provider to a local cloud, plans again, shows what exists,
 * and destroys it; writes `results/rehearsal-<environment>.{json,html}`.
 *
 * @returns 0 if every step did what it should, 1 if not
 */
export async function rehearse(options: RehearseOptions): Promise<number> {
  const rehearsal = new Rehearsal(options);
  for (const signal of SIGNALS) process.on(signal, rehearsal.interrupt);
  try {
    await rehearsal.run();
  } catch (error) {
    if (!(error instanceof RehearsalStopped)) throw error;
    console.error(`\n${error.message}`);
  } finally {
    await rehearsal.close();
    for (const signal of SIGNALS) process.off(signal, rehearsal.interrupt);
  }
  return rehearsal.report();
}

/** What an operator says who takes an environment down. */
const TEARDOWN = { TF_VAR_teardown: "true" };

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

const TERRAFORM_IS_REAL = "real Terraform and provider; simulated: the cloud's API";
const MACHINES_ARE_REAL = "real Terraform, provider, machines (QEMU, TCG); simulated: the cloud's API";

/** One rehearsal, from the tools to the report. */
class Rehearsal {
  private readonly lines: ResultLine[] = [];
  private readonly tables: Record<string, string[][]> = {};
  private readonly versions: Record<string, string> = {};
  private readonly workspace: string;
  private readonly terraformReality: string;
  private cloud?: LocalCloud;
  private watch?: MachineWatch;
  private isInterrupted = false;

  /** Ends what Terraform does, and the rehearsal after it; a second time makes Terraform end at once. Machines end in `close`. */
  public readonly interrupt = (): void => {
    this.isInterrupted = true;
    interruptTerraform();
  };

  constructor(private readonly options: RehearseOptions) {
    this.terraformReality = options.hosts === "vm" ? MACHINES_ARE_REAL : TERRAFORM_IS_REAL;
    const parent = join(repositoryRoot(), ".triplicate");
    mkdirSync(parent, { recursive: true });
    this.workspace = mkdtempSync(join(parent, `rehearsal-${options.environment}-`));
  }

  public async run(): Promise<void> {
    const { environment } = this.options;
    console.log(`Rehearsing ${environment}: real Terraform, real providers, a local cloud. No account, no token.\n`);
    this.checkTools();
    const stacks = synthesize(environment, join(this.workspace, "cdktf.out"), join(this.workspace, "state"));
    if (stacks.length === 0) throw this.failed("synthesize", `there is no environment '${environment}' in config/environments`);
    this.passed("synthesize", "real", `${stacks.length} stacks`);
    const cloud = await startLocalCloud(join(this.workspace, "cloud"), [environment], this.options.hosts);
    this.cloud = cloud;
    this.watch = cloud.lab && new MachineWatch({ machines: cloud.lab, servers: () => cloud.api.snapshot(environment).servers, print: printBeside });
    this.passed("local cloud", cloud.describes, cloud.api.url);
    const deployment = new Deployment(stacks, cloud.environment, cloud.enter);
    const isProtected = readsProtected(stacks[0].directory);
    await this.apply(deployment);
    await this.planAgain(deployment);
    this.watch?.end();
    this.showInventory();
    await (isProtected ? this.refuseDestroy(deployment) : this.destroy(deployment));
  }

  public async close(): Promise<void> {
    this.watch?.end();
    if (this.watch) this.tables["How machines came up"] = this.watch.table();
    await this.cloud?.close();
    rmSync(this.workspace, { recursive: true, force: true });
  }

  public report(): number {
    const verdict = this.lines.every((line) => line.verdict !== "failed") ? "passed" : "failed";
    const name = `rehearsal-${this.options.environment}${this.options.hosts === "vm" ? "-vm" : ""}`;
    const { versions, lines, tables } = this;
    const page = writeResult(join(repositoryRoot(), "results"), { name, verdict, versions, lines, tables });
    console.log(`\n${verdict === "passed" ? "The rehearsal passed." : "The rehearsal failed."} Result: ${relative(process.cwd(), page)} and .json`);
    if (verdict === "passed") console.log(onTheRealHetzner(this.options.environment));
    return verdict === "passed" ? 0 : 1;
  }

  private checkTools(): void {
    const terraform = terraformBinary();
    if (!terraform) throw this.failed("tools", "neither terraform nor tofu is on the PATH: install one of them, 1.10 or newer");
    const python = spawnSync("python3", ["--version"], { encoding: "utf8" });
    if (python.status !== 0) throw this.failed("tools", "python3 is not on the PATH: the health agents need it, 3.11 or newer");
    const version = spawnSync(terraform, ["version", "-json"], { encoding: "utf8" });
    this.versions[terraform] = (JSON.parse(version.stdout) as { terraform_version: string }).terraform_version;
    this.versions.node = process.versions.node;
    this.versions.python = python.stdout.trim().replace("Python ", "");
    if (this.options.hosts === "vm") this.versions.qemu = this.qemuVersion();
    this.passed("tools", "real", Object.entries(this.versions).map((entry) => entry.join(" ")).join(", "));
  }

  private qemuVersion(): string {
    const { stdout, status } = spawnSync("qemu-system-x86_64", ["--version"], { encoding: "utf8" });
    if (status !== 0) throw this.failed("tools", "qemu-system-x86_64 is not on the PATH: it boots the machines");
    return /version (\S+)/.exec(stdout)?.[1] ?? "of unknown version";
  }

  private async apply(deployment: Deployment): Promise<void> {
    this.stopIfInterrupted();
    const all = await deployment.deployAll({}, async (name, work) => {
      const deployed = await whileWorking(`apply ${name}`, this.watch?.during(work) ?? work);
      this.stackLine("apply", deployed, deployed.outcome === "applied");
      return deployed;
    });
    const bad = all.find(({ outcome }) => outcome !== "applied");
    if (bad) throw new RehearsalStopped([`${bad.stack}: ${bad.outcome}`, bad.output, ...((await this.watch?.reports()) ?? [])].join("\n"));
  }

  private async planAgain(deployment: Deployment): Promise<void> {
    for (const { name } of deployment.stacks) {
      this.stopIfInterrupted();
      const { exitCode, output, seconds } = await whileWorking(`plan ${name} again`, deployment.plan(name));
      const line = { seconds, note: exitCode === 0 ? "no changes" : "the plan is not empty" };
      this.line({ step: `plan ${name} again`, verdict: exitCode === 0 ? "passed" : "failed", reality: this.terraformReality, ...line });
      if (exitCode !== 0) throw new RehearsalStopped(output);
    }
  }

  private stopIfInterrupted(): void {
    if (this.isInterrupted) throw this.failed("interrupted", "ended before its end; nothing is left of the local cloud");
  }

  private showInventory(): void {
    const { environment } = this.options;
    for (const [title, rows] of Object.entries(inventory(this.cloud!.api.snapshot(environment)))) {
      this.tables[title] = rows;
      const [head, ...body] = rows;
      const table = new Table({ head, style: { head: [], border: [] } });
      table.push(...body);
      console.log(`\n${title}\n${table.toString()}`);
    }
    console.log(`\n${this.cloud!.describes}\n`);
  }

  private async destroy(deployment: Deployment): Promise<void> {
    const { exitCode, output } = await deployment.destroyAll(TEARDOWN, async (name, work) => {
      const result = await whileWorking(`destroy ${name}`, work);
      const verdict = result.exitCode === 0 ? "passed" : "failed";
      this.line({ step: `destroy ${name}`, verdict, reality: this.terraformReality, seconds: result.seconds });
      return result;
    });
    if (exitCode !== 0) throw new RehearsalStopped(output);
  }

  /** A protected environment must refuse, at its machines and at what persists, with nothing changed. */
  private async refuseDestroy(deployment: Deployment): Promise<void> {
    const { api } = this.cloud!;
    const foundation = deployment.stacks[0].name;
    const lastDataCenter = deployment.stacks[deployment.stacks.length - 1].name;
    for (const name of [lastDataCenter, foundation]) {
      const before = api.requests().length;
      const { exitCode, output, seconds } = await whileWorking(`destroy ${name}`, deployment.destroy(name, TEARDOWN));
      const changes = api.requests().length - before;
      const isRefused = exitCode !== 0 && changes === 0;
      const reason = isRefused ? `refused, nothing changed: ${firstError(output)}` : `exit code ${exitCode}, ${changes} changes in the cloud`;
      this.line({ step: `destroy ${name}`, verdict: isRefused ? "passed" : "failed", reality: this.terraformReality, seconds, note: reason });
      if (!isRefused) throw new RehearsalStopped(output);
    }
    this.passed("discard the local cloud", "simulated: the cloud's API", "the environment is protected, so it was not destroyed");
  }

  private stackLine(step: string, { stack, changes, seconds, outcome }: Deployed, isGood: boolean): void {
    const note = isGood ? `${changes.add} to add, ${changes.change} to change, ${changes.destroy} to destroy` : outcome;
    this.line({ step: `${step} ${stack}`, verdict: isGood ? "passed" : "failed", reality: this.terraformReality, seconds, note });
  }

  private passed(step: string, reality: string, note?: string): void {
    this.line({ step, verdict: "passed", reality, note });
  }

  private failed(step: string, message: string): RehearsalStopped {
    this.line({ step, verdict: "failed", reality: "real", note: message });
    return new RehearsalStopped(message);
  }

  private line(line: ResultLine): void {
    this.lines.push(line);
    const time = line.seconds === undefined ? "" : `${line.seconds.toFixed(1)} s`;
    console.log(`${line.verdict.padEnd(7)} ${line.step.padEnd(34)} ${time.padStart(7)}  ${line.note ?? ""}  [${line.reality}]`);
  }
}

/** Whether the stack's resources may not be destroyed. */
function readsProtected(directory: string): boolean {
  return readFileSync(join(directory, "cdk.tf.json"), "utf8").includes('"prevent_destroy": true');
}

function onTheRealHetzner(environment: string): string {
  return [
    "",
    "The same on the real Hetzner Cloud:",
    `  1. make a project for ${environment} in the Hetzner console, an API token with write access, and a bucket for the state`,
    `  2. export TF_VAR_hcloud_token_${environment.replaceAll("-", "_")}=…  AWS_ACCESS_KEY_ID=…  AWS_SECRET_ACCESS_KEY=…`,
    `  3. npx cdktf deploy '${environment}-*'`,
  ].join("\n");
}
