import { setTimeout as sleep } from "node:timers/promises";
import type { ServerSnapshot } from "hetzner-local";
import type { BootedMachines, MachineReport } from "./machines";

/** Seconds that a machine may take to boot, and cloud-init after that: an emulated processor shares two real ones with many others. */
const PATIENCE_SECONDS = 1800;

/** How much of a console a report shows. */
const CONSOLE_LINES = 40;

interface Watched {
  readonly name: string;
  readonly state: string;
  readonly isDone: boolean;
  /** From the server's creation to this state. */
  readonly seconds: number;
}

/** What is watched, and how it is shown. */
export interface MachineWatchProps {
  readonly machines: Pick<BootedMachines, "waitForBoot" | "ready" | "report">;
  /** The servers that there are now. */
  readonly servers: () => readonly ServerSnapshot[];
  readonly print: (line: string) => void;
  /** How often new servers are looked for. @default 2000 */
  readonly intervalMs?: number;
  /** How long a machine may take for its report. @default 120000 */
  readonly reportMs?: number;
}

/** Follows machines as they come up: a line whenever one has come further. */
export class MachineWatch {
  /** By the server's id: a replacement has its predecessor's name. */
  private readonly watched = new Map<number, Watched>();
  private hasEnded = false;

  constructor(private readonly props: MachineWatchProps) {}

  /** Looks for new machines while a piece of work is under way; each is followed from then on. */
  public async during<T>(work: Promise<T>): Promise<T> {
    const timer = setInterval(() => this.followNew(), this.props.intervalMs ?? 2000);
    try {
      return await work;
    } finally {
      clearInterval(timer);
      this.followNew();
    }
  }

  /** Says nothing more: machines are about to be ended on purpose. */
  public end(): void {
    this.hasEnded = true;
  }

  /** Every machine so far with its last state; the first row is the heading. */
  public table(): string[][] {
    const rows = [...this.watched.values()].map(({ name, state, seconds }) => [name, state, seconds.toFixed(0)]);
    return [["machine", "state", "seconds since creation"], ...rows];
  }

  /** What each machine reports that is there and not done. */
  public async reports(): Promise<string[]> {
    const unfinished = this.props.servers().filter(({ id }) => this.watched.get(id)?.isDone !== true);
    return Promise.all(unfinished.map(async ({ id, name }) => `── ${name}: ${this.watched.get(id)?.state ?? "not made"}\n${await this.reportOf(name)}`));
  }

  private followNew(): void {
    const made = this.props.servers().filter(({ id, status }) => status === "running" && !this.watched.has(id));
    for (const server of made) void this.follow(server);
  }

  private async follow(server: ServerSnapshot): Promise<void> {
    const { machines } = this.props;
    try {
      this.note(server, "booting");
      await machines.waitForBoot(server.name, PATIENCE_SECONDS);
      this.note(server, "booted, cloud-init is at work");
      const { status, isDegraded } = await machines.ready(server.name, PATIENCE_SECONDS);
      this.note(server, `cloud-init ${isDegraded ? "degraded " : ""}${status}`, true);
    } catch (error) {
      this.note(server, `failed: ${messageOf(error).split("\n")[0]}`);
    }
  }

  private note({ id, name, created }: ServerSnapshot, state: string, isDone = false): void {
    if (this.hasEnded) return;
    const seconds = (Date.now() - Date.parse(created)) / 1000;
    this.watched.set(id, { name, state, isDone, seconds });
    this.props.print(`…       ${name.padEnd(34)} ${`${seconds.toFixed(0)} s`.padStart(7)}  ${state}`);
  }

  private async reportOf(name: string): Promise<string> {
    const patience = this.props.reportMs ?? 120_000;
    const giveUp = new AbortController();
    const late = sleep(patience, undefined, { signal: giveUp.signal }).then(() => Promise.reject(new Error(`no report within ${patience / 1000} s`)));
    try {
      return textOf(await Promise.race([this.props.machines.report(name), late]));
    } catch (error) {
      return messageOf(error);
    } finally {
      giveUp.abort();
      late.catch(() => undefined);
    }
  }
}

function textOf({ cloudInit, failedUnits, journal, console: printed }: MachineReport): string {
  const tail = printed.trimEnd().split("\n").slice(-CONSOLE_LINES).join("\n");
  return [cloudInit, failedUnits, journal, tail].map((part) => part.trim()).filter(Boolean).join("\n\n");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
