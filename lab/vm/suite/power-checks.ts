import { setTimeout as sleep } from "node:timers/promises";
import { Check, DATABASES, ensureEqual, WORKER } from "./check";
import { FIRST_BOOT_SECONDS, gotThere } from "./first-boot";
import { Random } from "./random";
import { secretsNowhere } from "./volume-checks";
import { eventually } from "./wait";
import type { World } from "./world";

const [, SECOND] = DATABASES;

/** The second of a first boot in which power may be cut: from the firmware to the end, of one that shares the processor with another. */
const CUTS = { first: 10, last: 180 };

/** How long, in ms, volumes are made: one that aims at that cuts somewhere in it. */
const MAKING_MS = 8000;

const STARTING = "systemctl list-units --plain --no-legend --state=activating 'triplicate-*' 'cloud-*' | cut -d ' ' -f 1 | xargs";

/**
 * Cuts the power of first boots at seeded moments, of a worker and of a database with blank disks at the same time. Every
 * second cut of a database comes while its volumes are made.
 *
 * @param count how many machines lose their power; an even number
 */
export function powerCutChecks(seed: number, count: number): readonly Check[] {
  const random = new Random(seed);
  const second = () => CUTS.first + random.below(CUTS.last - CUTS.first);
  return Array.from({ length: count / 2 }, (_, index): Check => {
    const [worker, database, making] = [second(), second(), random.below(MAKING_MS)];
    const isAimed = index % 2 === 0;
    return {
      promise: 9,
      name: `power cut ${worker} s into a worker's first boot, ${isAimed ? `${making} ms into the making of a database's volumes` : `${database} s into a database's`}`,
      run: async (world) => (await Promise.all([cutsWorker(world, worker), cutsDatabase(world, isAimed ? { making } : { second: database })])).join("; "),
    };
  });
}

async function cutsWorker(world: World, second: number): Promise<string> {
  return world.withClone(WORKER, async (name) => {
    await sleep(second * 1000);
    const note = await cutAndWait(world, name);
    await secretsNowhere(world, name);
    return note;
  });
}

async function cutsDatabase(world: World, moment: { readonly making: number } | { readonly second: number }): Promise<string> {
  return world.withBlankDisks(SECOND, (disks) =>
    world.withClone(SECOND, async (name) => {
      if ("second" in moment) await sleep(moment.second * 1000);
      else {
        const state = () => world.run(name, "systemctl show --property=ActiveState --value triplicate-volumes.service", 10);
        await eventually(state, (now) => now === "activating", { timeoutSeconds: FIRST_BOOT_SECONDS, intervalSeconds: 0.2, what: `${name} to make its volumes` });
        await sleep(moment.making);
      }
      const note = await cutAndWait(world, name);
      ensureEqual(await world.run(name, "findmnt --noheadings --output SOURCE /srv/data"), "/dev/mapper/data", "its volume");
      await secretsNowhere(world, name, disks);
      return note;
    }),
  );
}

async function cutAndWait(world: World, name: string): Promise<string> {
  const stage = await world.lab.exec(name, STARTING, { timeoutSeconds: 10 }).catch(() => undefined);
  await world.lab.cutPower(name);
  await world.lab.powerOn(name);
  const seconds = await gotThere(world, name);
  return `cut in ${stage?.stdout.trim() || "the early boot"}; well ${seconds} s later`;
}
