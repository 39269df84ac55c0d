import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { environments } from "../config/environments";
import { startLocalCloud } from "./cloud";
import { repositoryRoot } from "./terraform";

/**
 * Keeps a local cloud running until it is interrupted, with `.triplicate/cloud.env` for the shell that deploys to it; ends
 * the cloud, its machines and its state together.
 */
export async function keepCloud(): Promise<number> {
  const directory = join(repositoryRoot(), ".triplicate", "cloud");
  const state = join(directory, "state");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(state, { recursive: true });
  const cloud = await startLocalCloud(directory, environments.map(({ name }) => name));
  const file = join(repositoryRoot(), ".triplicate", "cloud.env");
  const variables = { ...cloud.environment, TRIPLICATE_LOCAL_STATE: state };
  const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${JSON.stringify(value)}\n`);
  writeFileSync(file, exports.join(""), { mode: 0o600 });
  console.log(
    [
      `A local cloud runs at ${cloud.api.url}; ${cloud.describes}`,
      "In another shell:",
      `  . ${relative(process.cwd(), file)}`,
      "  npx cdktf deploy --auto-approve --skip-provider-lock 'dev-*'",
      "Interrupt this one to end the cloud with all that is in it.",
    ].join("\n"),
  );
  await interrupted();
  await cloud.close();
  rmSync(file, { force: true });
  rmSync(directory, { recursive: true, force: true });
  return 0;
}

function interrupted(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => done());
  });
}
