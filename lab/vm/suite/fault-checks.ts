import { copyFileSync, constants, rmSync, truncateSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Check, DATABASES, ensure, ensureEqual, WORKER } from "./check";
import { Random } from "./random";
import { eventually } from "./wait";
import type { World } from "./world";

const [, SECOND] = DATABASES;

/** A first boot takes this long at most on an emulated processor that it shares. */
const FIRST_BOOT_SECONDS = 900;

/** How late a power cut may come: most of a first boot on a machine of its own. */
const LATEST_CUT_SECONDS = 150;

/** Cuts the power of first boots at seeded moments. */
export function powerCutChecks(seed: number, count: number): readonly Check[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => 15 + random.below(LATEST_CUT_SECONDS - 15)).map((second) => ({
    promise: 9,
    name: `power cut ${second} s into the first boot: it gets there by itself`,
    run: (world) => bootsAgain(world, second),
  }));
}

export const faultChecks: readonly Check[] = [
  { promise: 9, name: "the metadata service is down at a reboot: the machine waits, and comes up", run: withoutMetadata },
  { promise: 9, name: "the package mirror is down for 60 s at the first boot: it tries again, and comes up", run: withoutMirror },
  { promise: 9, name: "a clock that is years wrong at the first boot: it is set right, and comes up", run: withWrongClock },
  { promise: 4, name: "a volume with foreign data is refused, untouched, and health says why", run: refusesForeign },
];

export const speedChecks: readonly Check[] = [{ promise: 11, name: "the first boot of a worker against the bare image's, and the memory of what we add", run: measures }];

async function bootsAgain(world: World, second: number): Promise<string> {
  return world.withClone(WORKER, async (name) => {
    await sleep(second * 1000);
    const stage = await world.lab.exec(name, "systemctl list-units --plain --no-legend --state=activating 'triplicate-*' 'cloud-*' | cut -d ' ' -f 1 | xargs", { timeoutSeconds: 10 }).catch(() => undefined);
    await world.lab.cutPower(name);
    await world.lab.powerOn(name);
    const seconds = await gotThere(world, name);
    return `cut in ${stage?.stdout.trim() || "the early boot"}; up ${seconds} s later`;
  });
}

/** Waits until a clone's first boot has ended and it is well; how long that took. */
async function gotThere(world: World, name: string): Promise<number> {
  const started = Date.now();
  await eventually(() => world.member(name), ({ code, body }) => code === 200 && body.includes('"healthy"'), { timeoutSeconds: FIRST_BOOT_SECONDS, what: `${name} to be healthy`, intervalSeconds: 3 });
  ensureEqual(await world.run(name, "systemctl --failed --plain --no-legend | wc -l; ls /var/lib/triplicate/done"), "0\n/var/lib/triplicate/done", name);
  return Math.round((Date.now() - started) / 1000);
}

async function withoutMetadata(world: World): Promise<string> {
  await world.lab.services.metadata.down();
  try {
    await world.reboot(SECOND);
    const waits = await eventually(() => world.run(SECOND, "systemctl show --property=ActiveState --value triplicate-runtime-files.service"), (state) => state === "activating", { timeoutSeconds: 300, what: "the machine to wait" });
    await sleep(30_000);
    ensureEqual(await world.run(SECOND, "ls /run/triplicate 2>/dev/null | wc -l"), "0", `files in memory while the unit is ${waits}`);
  } finally {
    await world.lab.services.metadata.up();
  }
  await world.healthy(SECOND);
  return "waited, came up";
}

async function withoutMirror(world: World): Promise<string> {
  await world.lab.services.mirror.down();
  let isUp = false;
  try {
    return await world.withClone(WORKER, async (name) => {
      await eventually(() => world.run(name, "journalctl --unit=triplicate-packages --output=cat --no-pager | grep -c 'trying again'"), (times) => Number(times) > 0, { timeoutSeconds: FIRST_BOOT_SECONDS, what: "the first attempt to fail" });
      await sleep(60_000);
      await world.lab.services.mirror.up();
      isUp = true;
      return `came up ${await gotThere(world, name)} s after the mirror`;
    });
  } finally {
    if (!isUp) await world.lab.services.mirror.up();
  }
}

async function withWrongClock(world: World): Promise<string> {
  return world.withClone(WORKER, async (name) => {
    await world.lab.cutPower(name);
    world.lab.setClock(name, "2020-02-02T02:02:02");
    await world.lab.powerOn(name);
    const seconds = await gotThere(world, name);
    const drift = Math.abs(Number(await world.run(name, "date +%s")) - Date.now() / 1000);
    ensure(drift < 5, `its clock is ${drift} s off`);
    return `up after ${seconds} s`;
  });
}

/** Puts a foreign disk in place of each half, looks at what the machine makes of it, and puts the halves back. */
async function refusesForeign(world: World): Promise<string> {
  const files = (await world.volumeIds(SECOND)).map((id) => world.lab.volumeFile(id));
  await world.run(SECOND, "sync");
  await world.lab.cutPower(SECOND);
  for (const file of files) {
    copyFileSync(file, `${file}.kept`, constants.COPYFILE_FICLONE);
    rmSync(file);
    writeFileSync(file, "");
    truncateSync(file, 10e9);
    await must(world, ["mkfs.ext4", "-q", "-F", file]);
  }
  const sums = () => must(world, ["sha256sum", ...files]);
  const before = await sums();
  try {
    await world.lab.powerOn(SECOND);
    const ill = await eventually(() => world.ask(SECOND, "/member"), ({ body }) => body.includes("neither ours nor blank"), { timeoutSeconds: 300, what: "health to say why" });
    await world.lab.cutPower(SECOND);
    ensureEqual(await sums(), before, "the foreign disks");
    return JSON.parse(ill.body).reasons.join("; ") as string;
  } finally {
    await world.lab.cutPower(SECOND);
    for (const file of files) {
      copyFileSync(`${file}.kept`, file, constants.COPYFILE_FICLONE);
      rmSync(`${file}.kept`);
    }
    await world.lab.powerOn(SECOND);
    await world.healthy(SECOND);
  }
}

async function must(world: World, command: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await world.lab.run(command, { timeoutSeconds: 300 });
  ensure(exitCode === 0, `${command.join(" ")}: ${stderr}`);
  return stdout;
}

const MEMORY = "awk '/MemTotal/ { total = $2 } /MemAvailable/ { free = $2 } END { print int((total - free) / 1024) }' /proc/meminfo";

/** One machine at a time, so that they don't take each other's processor. */
async function measures(world: World): Promise<string> {
  const bare = await world.withClone(WORKER, (name) => bootOf(world, name), "#cloud-config\nssh_genkeytypes: [ed25519]\n");
  const ours = await world.withClone(WORKER, (name) => bootOf(world, name));
  const ratio = (ours.seconds / bare.seconds).toFixed(2);
  return `ratio ${ratio} (aim ≤ 1.5): ${ours.seconds.toFixed(0)} s against ${bare.seconds.toFixed(0)} s; ${ours.split}; memory ${ours.memoryMiB} against ${bare.memoryMiB} MiB`;
}

async function bootOf(world: World, name: string): Promise<{ seconds: number; memoryMiB: number; split: string }> {
  const { uptimeSeconds } = await world.lab.ready(name, FIRST_BOOT_SECONDS);
  const split = await world.run(name, "systemd-analyze blame --no-pager | grep triplicate- | head -n 5 | awk '{ printf \"%s%s\", sep, $0; sep = \", \" }'");
  return { seconds: uptimeSeconds, memoryMiB: Number(await world.run(name, MEMORY)), split: split.replaceAll(/\s+/g, " ") };
}
