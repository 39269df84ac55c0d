import { existsSync, readFileSync } from "node:fs";

import type { Machine } from "./machine";
import { sleep } from "./process";

/** How a machine's first boot went, in cloud-init's words. */
export interface BootStatus {
  /** Whole seconds from the machine's start until cloud-init had finished. */
  readonly uptimeSeconds: number;
  readonly status: "done" | "error";
  /** Warnings that cloud-init calls recoverable; with any it says "degraded done". */
  readonly isDegraded: boolean;
  /** `DataSourceHetzner`. */
  readonly datasource: string;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  readonly failedUnits: readonly string[];
}

/** Everything that tells why a machine is as it is. Empty where it could not be asked. */
export interface MachineReport {
  readonly isOn: boolean;
  /** The last 200 lines. */
  readonly console: string;
  readonly failedUnits: string;
  /** Of the failed units. */
  readonly journal: string;
  readonly cloudInit: string;
  readonly blame: string;
  readonly criticalChain: string;
}

/** A machine did not become what its user_data says; `report` holds all that there is to know. */
export class MachineFailure extends Error {
  constructor(
    message: string,
    readonly report: MachineReport,
  ) {
    super([message, report.cloudInit, report.failedUnits, report.journal, report.console].filter(Boolean).join("\n\n"));
  }
}

interface Stage {
  readonly errors?: readonly string[];
  readonly recoverable_errors?: Readonly<Record<string, readonly string[]>>;
}

interface Finished {
  readonly result: { readonly v1: { readonly datasource: string | null; readonly errors: readonly string[] } };
  readonly status: { readonly v1: Readonly<Record<string, Stage | string | null>> };
  readonly failed: string;
  readonly uptime: string;
}

const FAILED_UNITS = "systemctl list-units --failed --plain --no-legend --no-pager | cut -d ' ' -f 1";

/** How often: each question starts a shell on an emulated processor. */
const ASK_MS = 3000;

/** Cheap, unlike `cloud-init status`, which takes seconds of an emulated CPU. */
const FINISHED = `[ -e /run/cloud-init/result.json ] && printf '{"result":%s,"status":%s,"failed":"%s","uptime":"%s"}' \
"$(cat /run/cloud-init/result.json)" "$(cat /run/cloud-init/status.json)" "$(${FAILED_UNITS} | xargs)" "$(($(stat -c %Y /run/cloud-init/result.json) - $(awk '/^btime/ { print $2 }' /proc/stat)))"`;

const QUESTIONS = {
  failedUnits: "systemctl --failed --no-pager --no-legend",
  journal: `for unit in $(${FAILED_UNITS}); do journalctl --no-pager --boot --lines=100 --unit="$unit"; done`,
  cloudInit: "cloud-init status --long",
  blame: "systemd-analyze blame --no-pager | head -n 40",
  criticalChain: "systemd-analyze critical-chain --no-pager",
} as const;

/** Waits until cloud-init has finished; rejects with a `MachineFailure` if that was not as it should be, or too late. */
export async function awaitReady(machine: Machine, timeoutSeconds: number): Promise<BootStatus> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  while (Date.now() < deadline) {
    if (!machine.isOn) throw await failure(machine, "is off");
    const finished = await askFinished(machine);
    if (finished === undefined) {
      await sleep(ASK_MS);
      continue;
    }
    const status = bootStatus(finished);
    if (status.status === "error" || status.failedUnits.length > 0) throw await failure(machine, "is not what its user_data says");
    return status;
  }
  throw await failure(machine, `was not ready after ${timeoutSeconds} s`);
}

/** Asks a machine everything. */
export async function makeReport(machine: Machine): Promise<MachineReport> {
  const answers: Partial<Record<keyof typeof QUESTIONS, string>> = {};
  for (const [key, command] of Object.entries(QUESTIONS) as [keyof typeof QUESTIONS, string][]) {
    if (!machine.isOn) break;
    const answer = await machine.agent.exec(command, 60).catch(() => undefined);
    if (answer === undefined) break;
    answers[key] = `${answer.stdout}${answer.stderr}`.trim();
  }
  const console = existsSync(machine.console) ? readFileSync(machine.console, "utf8") : "";
  const lines = console.split("\n").slice(-200).join("\n");
  return { isOn: machine.isOn, console: lines, failedUnits: "", journal: "", cloudInit: "", blame: "", criticalChain: "", ...answers };
}

async function failure(machine: Machine, what: string): Promise<MachineFailure> {
  return new MachineFailure(`${machine.server.name} ${what}`, await makeReport(machine));
}

/** What cloud-init left when it had finished; undefined before, and while the machine does not answer. */
async function askFinished(machine: Machine): Promise<Finished | undefined> {
  try {
    const { exitCode, stdout } = await machine.agent.exec(FINISHED, 30);
    return exitCode === 0 ? (JSON.parse(stdout) as Finished) : undefined;
  } catch {
    return undefined;
  }
}

function bootStatus({ result, status, failed, uptime }: Finished): BootStatus {
  const stages = Object.values(status.v1).filter((stage): stage is Stage => typeof stage === "object" && stage !== null);
  const warnings = stages.flatMap((stage) => Object.values(stage.recoverable_errors ?? {}).flat());
  const { errors } = result.v1;
  return {
    uptimeSeconds: Number(uptime),
    status: errors.length > 0 ? "error" : "done",
    isDegraded: warnings.length > 0,
    datasource: result.v1.datasource?.split(" ")[0] ?? "",
    errors,
    warnings,
    failedUnits: failed.split(" ").filter(Boolean),
  };
}
