#!/usr/bin/env node
/** The command `hetzner-local`: an instance without machines that runs until it is interrupted. */
import { parseArgs } from "node:util";
import { startHetznerLocal } from "./index";

const USAGE = `usage: hetzner-local [--port <port>] [--state <file>] [--project <name>=<variable>]…

  --port <port>                 TCP port of the API (default: any free one)
  --state <file>                JSON file that keeps the state (default: in memory)
  --project <name>=<variable>   names the project of the token in an environment variable (64 characters)
  --lenient                     like Hetzner, let volumes be taken from running servers and networks in use be deleted`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string" },
      state: { type: "string" },
      project: { type: "string", multiple: true },
      lenient: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return void console.log(USAGE);
  const isStrict = values.lenient !== true;
  const local = await startHetznerLocal({
    port: readPort(values.port),
    stateFile: values.state,
    projects: readProjects(values.project ?? []),
    strictVolumes: isStrict,
    strictNetworks: isStrict,
  });
  console.log(`export HCLOUD_ENDPOINT=${local.url}`);
  console.error(`public addresses: ${local.publicRange}; servers: ${local.describes}`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void local.close());
}

function readPort(text: string | undefined): number {
  const port = Number(text ?? 0);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error(`--port: must be from 0 to 65535, got '${text}'`);
  return port;
}

/** Tokens come from the environment, never from the command line, where every process could read them. */
function readProjects(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text) => {
    const [name, variable] = text.split("=");
    const token = variable === undefined ? undefined : process.env[variable];
    if (!name || token === undefined) throw new Error(`--project: must be <name>=<variable> with a variable that is set, got '${text}'`);
    return [name, token];
  }));
}

main().catch((error: unknown) => {
  console.error(`hetzner-local: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
