import { type ChildProcess, execFile, spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";

/** What a program said. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is run. */
export interface RunOptions {
  /** @default - nothing */
  readonly input?: string;
  /** After it the program is killed. @default 120 */
  readonly timeoutSeconds?: number;
}

const LARGEST_OUTPUT = 64 * 1024 * 1024;

/** Starts a program that the kernel kills when this process is gone, however it ended: also by SIGKILL. */
export function spawnTied(command: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn("setpriv", ["--pdeathsig", "KILL", "--", ...command], options);
}

/** Runs a program to its end; only one that cannot be run, or takes too long, rejects. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { input = "", timeoutSeconds = 120 } = options;
  const limits = { maxBuffer: LARGEST_OUTPUT, timeout: timeoutSeconds * 1000, killSignal: "SIGKILL" } as const;
  return new Promise((resolve, reject) => {
    const child = execFile("setpriv", ["--pdeathsig", "KILL", "--", ...command], limits, (error, stdout, stderr) => {
      if (error && typeof error.code !== "number") {
        const reason = error.killed ? `took longer than ${timeoutSeconds} s` : error.message;
        reject(new Error(`${command.join(" ")}: ${reason}\n${stderr}`));
      } else resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr });
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}

/** Runs a program that must succeed, and returns what it printed. */
export async function runOrThrow(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command, options);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: exit code ${exitCode}\n${stderr}${options.input ?? ""}`);
  return stdout;
}

/** Whether a child still runs. */
export function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Kills a child and waits until it is gone. */
export async function kill(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** Resolves later. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
