#!/usr/bin/env node
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, relative } from "node:path";
import { Command, Option } from "commander";
import { firstError, printBeside, whileWorking } from "../../../rehearsal/progress";
import { MachineWatch } from "../../../rehearsal/machine-watch";
import { ResultLine, Span, writeResult } from "../../../rehearsal/result";
import { repositoryRoot } from "../../../rehearsal/terraform";
import { CannotRunMachines } from "../driver";
import type { Check } from "./check";
import { fullPlans, Image, IMAGES, quickPlan, RunPlan } from "./plan";
import { timelines } from "./timeline";
import { World } from "./world";

const REALITY = "real machines (QEMU, TCG), Terraform and provider; simulated: the cloud's API";

interface Options {
  readonly all: boolean;
  readonly only?: string[];
  readonly seed: number;
  readonly turn?: number;
  readonly image?: Image;
}

/** One run of the suite, from an empty cloud to the report. */
class Run {
  private readonly lines: ResultLine[] = [];
  private readonly tables: Record<string, string[][]> = {};
  private timelines: Readonly<Record<string, readonly Span[]>> = {};
  private world?: World;
  private watch?: MachineWatch;

  constructor(
    private readonly plan: RunPlan,
    private readonly seed: number,
    private readonly resultName: string,
  ) {}

  public async run(): Promise<void> {
    console.log(`Machines that boot their exact user_data: ${this.plan.name}, image ${this.plan.image}.\n`);
    process.env.TRIPLICATE_LAB_IMAGE = this.plan.image;
    process.env.TRIPLICATE_LAB_CPUS = String(this.plan.cpus);
    const world = await whileWorking("image, network, services", World.start(this.plan.description));
    this.world = world;
    const servers = () => world.machines();
    this.watch = new MachineWatch({ machines: world.lab, servers, print: printBeside });
    if (!(await this.deploy(world))) return;
    this.timelines = await timelines(world);
    for (const { name, checks } of this.plan.groups) for (const check of checks) await this.check(world, name, check);
  }

  /** It ended before its checks did: as this computer can't boot machines, or by a fault of the lab. */
  public stopped(error: unknown): void {
    if (error instanceof CannotRunMachines) this.line({ step: "boot machines", verdict: "skipped", reality: "nothing ran", note: error.message });
    else this.line({ step: "the run", verdict: "failed", reality: REALITY, note: errorText(error) });
  }

  /** Ends the machines. What was seen of them is reported even if they can't be ended, which counts as a failure. */
  public async close(): Promise<void> {
    this.watch?.end();
    try {
      await this.world?.close();
    } catch (error) {
      this.line({ step: "end the machines", verdict: "failed", reality: REALITY, note: errorText(error) });
    }
  }

  /** Counts of what passed, failed, was skipped. */
  public report(): Readonly<Record<ResultLine["verdict"], number>> {
    const count = (verdict: ResultLine["verdict"]) => this.lines.filter((line) => line.verdict === verdict).length;
    const counts = { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
    if (this.watch) this.tables["How machines came up"] = this.watch.table();
    const qemu = this.world ? qemuVersion() : "none";
    const versions = { seed: String(this.seed), node: process.versions.node, qemu, image: this.plan.image, cpus: String(this.plan.cpus) };
    const verdict = counts.failed === 0 ? "passed" : "failed";
    const page = writeResult(join(repositoryRoot(), "results"), { name: this.resultName, verdict, versions, lines: this.lines, tables: this.tables, timelines: this.timelines });
    console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped. Result: ${relative(process.cwd(), page)} and .json`);
    return counts;
  }

  private async deploy(world: World): Promise<boolean> {
    const deployment = world.deployment();
    const [foundation, ...dataCenters] = deployment.stacks.map(({ name }) => name);
    const apply = async (stack: string) => {
      const deployed = await deployment.deploy(stack);
      const isGood = deployed.outcome === "applied";
      this.line({ step: `apply ${stack}`, verdict: isGood ? "passed" : "failed", reality: REALITY, seconds: deployed.seconds, note: isGood ? undefined : firstError(deployed.output) });
      return isGood;
    };
    // one after another is shown by the rolling change; two machines at a time keep two processors busy, and more would slow each other down
    const [first, ...others] = dataCenters;
    const together = async (stacks: readonly string[]) => (await whileWorking(`apply ${stacks.join(", ")}`, this.watch!.during(world.firstBoots.during(Promise.all(stacks.map(apply)))))).every(Boolean);
    const isGood = (await apply(foundation)) && (await together([first])) && (await together(others));
    if (!isGood) console.log((await this.watch!.reports()).join("\n"));
    return isGood;
  }

  private async check(world: World, group: string, { promise, name, run }: Check): Promise<void> {
    const started = Date.now();
    const base = { step: `${promise}. ${group}: ${name}`, reality: REALITY };
    try {
      const note = await whileWorking(name, run(world));
      this.line({ ...base, verdict: "passed", seconds: (Date.now() - started) / 1000, note: typeof note === "string" ? note : undefined });
    } catch (error) {
      this.line({ ...base, verdict: "failed", seconds: (Date.now() - started) / 1000, note: errorText(error) });
    }
  }

  private line(line: ResultLine): void {
    this.lines.push(line);
    const time = line.seconds === undefined ? "" : `${line.seconds.toFixed(0)} s`;
    console.log(`${line.verdict.padEnd(7)} ${time.padStart(6)}  ${line.step}${line.note ? `\n${" ".repeat(16)}${line.note}` : ""}`);
  }
}

function errorText(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 4000);
}

function qemuVersion(): string {
  return /version (\S+)/.exec(execFileSync("qemu-system-x86_64", ["--version"], { encoding: "utf8" }))?.[1] ?? "unknown";
}

/** The number of this quick run: they take turns. Where nothing is kept from run to run, the hour decides. */
function nextTurn(): number {
  const file = join(homedir(), ".cache", "triplicate", "lab-vm-turn");
  const turn = existsSync(file) ? Number(readFileSync(file, "utf8")) + 1 : Math.floor(Date.now() / 3_600_000);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${turn}\n`);
  return turn;
}

/** The runs that were asked for. Those that have a name keep results of their own; CI reads that of the quick one. */
function runsOf({ all, only, seed, turn, image }: Options): readonly Run[] {
  if (all || only) {
    return fullPlans(seed).filter(({ name }) => only?.includes(name) ?? true).map((plan) => {
      const part = [plan.name, ...(image ? [image] : [])].join(" ").replaceAll(" ", "-");
      return new Run({ ...plan, image: image ?? plan.image }, seed, `lab-vm-${part}`);
    });
  }
  const { plan, left } = quickPlan(turn ?? nextTurn(), seed);
  console.log(`A quick run, which leaves to others: ${left.join(", ")}.`);
  return [new Run({ ...plan, image: image ?? plan.image }, seed, "lab-vm")];
}

async function main(): Promise<void> {
  const program = new Command("lab-vm")
    .option("--all", "everything, instead of the quick subset", false)
    .addOption(new Option("--only <names...>", "only the runs of these names").choices(fullPlans(1).map(({ name }) => name)))
    .option("--seed <number>", "of the moments at which power is cut", Number, 1)
    .addOption(new Option("--image <variant>", "stock Debian; with Hetzner's program for private interfaces; with what databases install").choices(IMAGES))
    .option("--turn <number>", "which turn a quick run takes, instead of the next one", Number)
    .parse();
  let current: Run | undefined;
  let isEnding = false;
  const end = () => {
    if (isEnding) return;
    isEnding = true;
    console.log("\ninterrupted: ending the machines");
    void Promise.resolve(current?.close()).finally(() => process.exit(1));
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, end);
  process.exitCode = 0;
  for (const run of runsOf(program.opts<Options>())) {
    current = run;
    if (!(await isPassed(run))) process.exitCode = 1;
  }
}

async function isPassed(run: Run): Promise<boolean> {
  try {
    await run.run();
  } catch (error) {
    run.stopped(error);
  } finally {
    await run.close();
  }
  return run.report().failed === 0;
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 2;
});
