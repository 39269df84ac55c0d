import { setTimeout as sleep } from "node:timers/promises";
import { Check, DATABASES, ensure, ensureEqual, WORKER } from "./check";
import { FIRST_BOOT_SECONDS, gotThere } from "./first-boot";
import { eventually } from "./wait";
import type { World } from "./world";

const [, SECOND] = DATABASES;

export const faultChecks: readonly Check[] = [
  { promise: 9, name: "the metadata service is down at a reboot: the machine waits, and comes up", run: withoutMetadata },
  { promise: 4, name: "a volume with foreign data is refused, untouched, and health says why", run: refusesForeign },
];

export const firstBootFaultChecks: readonly Check[] = [
  { promise: 9, name: "the package mirror is down for 60 s at the first boot: it tries again, and comes up", run: withoutMirror },
  { promise: 9, name: "a clock that is years wrong at the first boot: it is set right, and comes up", run: withWrongClock },
];

async function withoutMetadata(world: World): Promise<string> {
  const state = () => world.run(SECOND, "systemctl show --property=ActiveState --value triplicate-runtime-files.service");
  await world.lab.services.metadata.down();
  try {
    await world.reboot(SECOND);
    await eventually(state, (now) => now === "activating", { timeoutSeconds: 300, what: "the machine to ask for its files" });
    await sleep(30_000);
    ensureEqual(await state(), "activating", "the unit that fetches files, 30 s later");
    ensureEqual(await world.run(SECOND, "ls /run/triplicate/disk-keys 2>/dev/null | wc -l"), "0", "disk keys in memory");
  } finally {
    await world.lab.services.metadata.up();
  }
  const started = Date.now();
  await world.agents.healthy(SECOND);
  return `well ${((Date.now() - started) / 1000).toFixed(0)} s after it was back`;
}

async function withoutMirror(world: World): Promise<string> {
  const { mirror } = world.lab.services;
  const failed = "journalctl --unit=triplicate-packages --output=cat --no-pager | grep -c 'trying again'";
  await mirror.down();
  try {
    return await world.withClone(WORKER, async (name) => {
      await eventually(() => world.run(name, failed), (times) => Number(times) > 0, { timeoutSeconds: FIRST_BOOT_SECONDS, what: "the first attempt to fail" });
      await sleep(60_000);
      const times = await world.run(name, failed);
      await mirror.up();
      return `${times} attempts failed; well ${await gotThere(world, name)} s after the mirror was back`;
    });
  } finally {
    await mirror.up();
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
    return `well after ${seconds} s`;
  });
}

/** Puts foreign disks in place of a database's, and looks at what the machine makes of them. */
async function refusesForeign(world: World): Promise<string> {
  const reasons = await world.withBlankDisks(SECOND, async (disks) => {
    for (const disk of disks) {
      await must(world, ["mkfs.ext4", "-q", "-F", disk]);
      await must(world, ["cp", "--sparse=always", disk, `${disk}.before`]);
    }
    await world.lab.powerOn(SECOND);
    const said = await world.agents.ill(SECOND, "neither ours nor blank", 300);
    await world.lab.cutPower(SECOND);
    for (const disk of disks) await must(world, ["cmp", disk, `${disk}.before`]);
    return said;
  });
  await world.agents.healthy(SECOND);
  return reasons;
}

async function must(world: World, command: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await world.lab.run(command, { timeoutSeconds: 300 });
  ensure(exitCode === 0, `${command.join(" ")}: ${stdout}${stderr}`);
}
