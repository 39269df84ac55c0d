import { once } from "node:events";

import type { LabNetwork } from "./network";
import { isRunning, spawnTied } from "./process";

/** Records what passes a tap into a file, packet by packet; returns when it records, and what ends it. */
export async function startCapture(network: LabNetwork, tap: string, file: string): Promise<() => Promise<void>> {
  const command = [...network.enter(), "tcpdump", "-U", "--immediate-mode", "-Z", "root", "-i", tap, "-w", file];
  const child = spawnTied(command, { stdio: ["ignore", "ignore", "pipe"] });
  await Promise.race([once(child.stderr!, "data"), once(child, "exit")]);
  if (!isRunning(child)) throw new Error(`tcpdump does not record ${tap}`);
  child.stderr?.resume();
  return async () => {
    if (!isRunning(child)) return;
    const ended = once(child, "exit");
    child.kill("SIGINT");
    await ended;
  };
}
