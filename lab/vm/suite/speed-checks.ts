import { Check, WORKER } from "./check";
import { FIRST_BOOT_SECONDS } from "./first-boot";
import type { World } from "./world";

const MEMORY = "awk '/MemTotal/ { total = $2 } /MemAvailable/ { free = $2 } END { print int((total - free) / 1024) }' /proc/meminfo";

/** The units of ours that took longest. */
const SPLIT = "systemd-analyze blame --no-pager | grep triplicate- | head -n 5 | awk '{ printf \"%s%s\", sep, $0; sep = \", \" }'";

/** What a user gets who asks for no more than a machine. */
const BARE = "#cloud-config\nssh_genkeytypes: [ed25519]\n";

export const speedChecks: readonly Check[] = [{ promise: 11, name: "the first boot of a worker against the bare image's, and the memory of what we add", run: measures }];

/** One machine at a time, so that they don't take each other's processor. */
async function measures(world: World): Promise<string> {
  const bare = await world.withClone(WORKER, (name) => bootOf(world, name), BARE);
  const ours = await world.withClone(WORKER, (name) => bootOf(world, name));
  const ratio = (ours.seconds / bare.seconds).toFixed(2);
  return `ratio ${ratio} (aim ≤ 1.5): ${ours.seconds.toFixed(0)} s against ${bare.seconds.toFixed(0)} s; ${ours.split}; memory ${ours.memoryMiB} against ${bare.memoryMiB} MiB`;
}

async function bootOf(world: World, name: string): Promise<{ seconds: number; memoryMiB: number; split: string }> {
  const { uptimeSeconds } = await world.lab.ready(name, FIRST_BOOT_SECONDS);
  const split = await world.run(name, SPLIT);
  return { seconds: uptimeSeconds, memoryMiB: Number(await world.run(name, MEMORY)), split: split.replaceAll(/\s+/g, " ") };
}
