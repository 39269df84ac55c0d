#!/usr/bin/env node
import { existsSync } from "node:fs";
import { join } from "node:path";

import { Command, CommanderError, Option } from "commander";

import { leave, LeaveSettingsError } from "./leave";

/** What `rehearse` reads from the command line. */
export interface RehearseOptions {
  readonly environment: string;
  readonly hosts: "simulated" | "none" | "vm";
}

interface RehearsalModule {
  rehearse(options: RehearseOptions): Promise<number>;
  keepCloud(): Promise<number>;
}

/** Where the program reads and writes: a process, or a test. */
export interface Terminal {
  readonly environment: NodeJS.ProcessEnv;
  print(line: string): void;
  fail(line: string): void;
}

/**
 * Runs the `triplicate` command.
 *
 * @returns the exit code: 0 done, 1 refused or failed, 2 a fault of the call or of the program itself
 */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  let code = 0;
  const program = new Command("triplicate")
    .description("Operates the environments of Triplicate")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.fail(text.trimEnd()),
    });
  program
    .command("leave")
    .description("asks a machine to leave, as TRIPLICATE_LEAVE says, and waits until it has: run by Terraform before a destroy")
    .action(async () => {
      code = await leave(terminal.environment, (line) => terminal.print(line));
    });
  if (hasRehearsal()) addRehearsal(program, (ended) => (code = ended));
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const isSettings = error instanceof LeaveSettingsError;
    terminal.fail(isSettings ? `triplicate leave: ${error.message}` : `triplicate: ${error instanceof Error ? error.stack : String(error)}`);
    return 2;
  }
}

/** The commands that need this repository: an installed package has no environments to rehearse. */
function addRehearsal(program: Command, end: (code: number) => void): void {
  program
    .command("rehearse")
    .description("applies an environment with real Terraform to a local cloud")
    .option("-e, --environment <name>", "environment to rehearse", "dev")
    .addOption(new Option("--hosts <kind>", "what the servers of the local cloud do").choices(["simulated", "none", "vm"]).default("simulated"))
    .action(async (options: RehearseOptions) => end(await loadRehearsal().rehearse(options)));
  program
    .command("cloud")
    .description("keeps a local cloud running, to deploy to by hand, until it is interrupted")
    .action(async () => end(await loadRehearsal().keepCloud()));
}

function hasRehearsal(): boolean {
  return existsSync(join(__dirname, "..", "rehearsal"));
}

/** Loaded only when it is used: machines of operators that only run `leave` need none of it. */
function loadRehearsal(): RehearsalModule {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import would load it at each start
  return require("../rehearsal/main") as RehearsalModule;
}

if (require.main === module) {
  void main(process.argv.slice(2), {
    environment: process.env,
    print: (line) => process.stdout.write(`${line}\n`),
    fail: (line) => process.stderr.write(`${line}\n`),
  }).then((code) => {
    process.exitCode = code;
  });
}
