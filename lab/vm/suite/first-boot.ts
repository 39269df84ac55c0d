import { ensureEqual } from "./check";
import type { World } from "./world";

/** A first boot takes this long at most on an emulated processor that it shares. */
export const FIRST_BOOT_SECONDS = 900;

/** Waits until a machine's first boot has ended and it is well, with no failed unit; how many seconds that took. */
export async function gotThere(world: World, machine: string): Promise<number> {
  const started = Date.now();
  await world.agents.healthyInside(machine, FIRST_BOOT_SECONDS);
  ensureEqual(await world.run(machine, "systemctl --failed --plain --no-legend | wc -l; ls /var/lib/triplicate/done"), "0\n/var/lib/triplicate/done", machine);
  return Math.round((Date.now() - started) / 1000);
}
