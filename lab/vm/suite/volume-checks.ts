import { kernelAsTold } from "./boot-checks";
import { Check, DATABASES, each, ensure, ensureEqual } from "./check";
import { eventually } from "./wait";
import type { World } from "./world";

const [FIRST, SECOND, THIRD] = DATABASES;

/** The device that LUKS is on. */
export const DEVICE = "$(cryptsetup status data | awk '/device:/ { print $2 }')";

const OPENED = `cryptsetup luksUUID ${DEVICE}; findmnt --noheadings --output SOURCE,FSTYPE /srv/data | xargs`;

const HALVES = "mdadm --detail /dev/md/data | grep -c 'active sync'";

export const volumeChecks: readonly Check[] = [
  { promise: 4, name: "volumes are LUKS2, whole, mounted", run: (world) => each(world, openedRight, withVolumes(world)) },
  { promise: 4, name: "no secret of user_data is on any disk, free blocks included", run: (world) => each(world, (_, machine) => secretsNowhere(world, machine)) },
];

export const rebootChecks: readonly Check[] = [
  { promise: 4, name: "a reboot mounts what was there, and is well", run: rebootKeeps },
  { promise: 2, name: "every kernel setting after a reboot", run: (world) => kernelAsTold(world, SECOND) },
  { promise: 4, name: "no secret on any disk after a reboot", run: (world) => secretsNowhere(world, SECOND) },
];

export const growthChecks: readonly Check[] = [{ promise: 4, name: "a volume that is made larger grows by itself, in use", run: grows }];

export const mirrorChecks: readonly Check[] = [
  { promise: 5, name: "half of a mirror pulled out while writing: no error, nothing lost, metrics show it", run: survivesPull },
  { promise: 5, name: "a new disk in place of a lost one, by the documented step: resynchronized, nothing lost", run: replacesDisk },
  { promise: 5, name: "power cut in the middle of writing: all that was synced is there, mirror whole", run: survivesPowerCut },
];

export const detachChecks: readonly Check[] = [{ promise: 8, name: "both halves pulled out while writing: health says so, the next boot repairs", run: survivesDetach }];

function withVolumes(world: World): string[] {
  return world.machines().map(({ name }) => name).filter((name) => world.describedVolumes(name).length > 0);
}

/** Whether its volumes are made of two disks each. */
export function isMirrored(world: World, machine: string): boolean {
  return world.describedVolumes(machine).some(({ mirrored }) => mirrored);
}

async function openedRight(world: World, machine: string): Promise<void> {
  const [uuid, mount] = (await world.run(machine, OPENED)).split("\n");
  ensure(/^[0-9a-f-]{36}$/.test(uuid), `${machine}: no LUKS header: ${uuid}`);
  ensureEqual(mount, "/dev/mapper/data ext4", machine);
  if (isMirrored(world, machine)) ensureEqual(await world.run(machine, HALVES), "2", `${machine}: halves of the mirror`);
  const header = await world.run(machine, `cryptsetup luksDump ${DEVICE}`);
  ensure(/Version:\s+2/.test(header) && /Subsystem:\s+triplicate\n/.test(header), `${machine}: header\n${header}`);
}

/** Looks into the raw files of a machine's root disk and other disks from outside; those are its volumes unless others are named. */
export async function secretsNowhere(world: World, machine: string, others?: readonly string[]): Promise<string> {
  const volumes = others ?? (await world.volumeIds(machine)).map((id) => world.lab.volumeFile(id));
  const disks = [world.lab.rootDiskOf(machine), ...volumes];
  const secrets = Object.entries(world.secrets(machine));
  ensure(secrets.length > 0, `${machine} has no secrets`);
  await world.run(machine, "sync; fstrim / 2>/dev/null || true");
  for (const disk of disks) {
    for (const [path, secret] of secrets) {
      // a PEM file's second line is its key; what a disk would hold of it in JSON has no newlines
      const text = secret.startsWith("-----") ? secret.split("\n")[1] : secret.slice(0, 43);
      const found = await world.lab.countOnDisk(disk, text);
      ensure(found === 0, `${machine}: ${path} is ${found} times on ${disk.split("/").slice(-2).join("/")}`);
    }
  }
  return `${machine} ${secrets.length} secrets, ${disks.length} disks`;
}

async function rebootKeeps(world: World): Promise<string> {
  const [uuid] = (await world.run(SECOND, OPENED)).split("\n");
  await world.run(SECOND, "echo kept >/srv/data/kept; sync");
  const boot = await world.run(SECOND, "cat /proc/sys/kernel/random/boot_id");
  const started = Date.now();
  await world.reboot(SECOND);
  await eventually(() => world.run(SECOND, "cat /proc/sys/kernel/random/boot_id"), (now) => now !== boot, { timeoutSeconds: 300, what: "another boot" });
  await world.agents.healthy(SECOND);
  const seconds = (Date.now() - started) / 1000;
  ensureEqual((await world.run(SECOND, OPENED)).split("\n")[0], uuid, "the volume's identity");
  ensureEqual(await world.run(SECOND, "cat /srv/data/kept"), "kept", "the file from before");
  ensureEqual(await world.run(SECOND, "systemctl is-active cloud-init-main.service || true"), "inactive", "cloud-init");
  return `${seconds.toFixed(0)} s until healthy`;
}

async function grows(world: World): Promise<string> {
  const bytes = () => world.run(THIRD, "df --output=size --block-size=1 /srv/data | tail -n 1").then(Number);
  const before = await bytes();
  world.describe((description) => withVolumeSize(description, 12));
  await world.deploy("foundation");
  const after = await eventually(bytes, (now) => now > before + 1.5e9, { timeoutSeconds: 120, what: "a larger file system" });
  await openedRight(world, THIRD);
  return `${(before / 1e9).toFixed(1)} to ${(after / 1e9).toFixed(1)} GB`;
}

function withVolumeSize<T extends { pools: object }>(description: T, sizeGb: number): T {
  const pools = structuredClone(description.pools) as { postgres: { volumes: { sizeGb: number }[] } };
  pools.postgres.volumes[0].sizeGb = sizeGb;
  return { ...description, pools };
}

/** Writes a numbered line at a time, synced, and says each in a second file that is not on the volume, after it was synced. */
const WRITER = "n=0; while n=$((n+1)); echo $n >>/srv/data/numbers && sync /srv/data/numbers; do echo $n >/root/synced; sync /root/synced; done";

async function writing(world: World, machine: string): Promise<void> {
  await world.run(machine, `rm -f /srv/data/numbers /root/synced; systemd-run --quiet --expand-environment=no --unit=lab-writer bash -c ${JSON.stringify(WRITER).replaceAll("$", "\\$")}`);
  await eventually(() => world.run(machine, "cat /root/synced"), (number) => Number(number) > 5, { timeoutSeconds: 60, what: "the writer to write" });
}

/** How many lines were acknowledged; throws unless all of them are there. */
async function nothingLost(world: World, machine: string): Promise<number> {
  const acknowledged = Number(await world.run(machine, "cat /root/synced"));
  const lines = (await world.run(machine, "cat /srv/data/numbers")).split("\n").map(Number);
  ensureEqual(lines.slice(0, acknowledged), Array.from({ length: acknowledged }, (_, index) => index + 1), "the numbers that were acknowledged");
  return acknowledged;
}

async function survivesPull(world: World): Promise<string> {
  await writing(world, FIRST);
  const [half, other] = await world.volumeIds(FIRST);
  await world.pull(FIRST, half);
  const before = Number(await world.run(FIRST, "cat /root/synced"));
  await eventually(() => world.run(FIRST, "cat /root/synced"), (now) => Number(now) > before + 20, { timeoutSeconds: 60, what: "writing to go on" });
  ensureEqual(await world.run(FIRST, "systemctl is-active lab-writer"), "active", "the writer");
  const metrics = await eventually(() => world.agents.ask(FIRST, "/metrics"), ({ body }) => body.includes(`triplicate_volume_disk_active{volume="data",disk="${half}"} 0`), {
    timeoutSeconds: 60,
    what: "metrics to show the loss",
  });
  ensure(metrics.body.includes(`triplicate_volume_disk_active{volume="data",disk="${other}"} 1`), "metrics do not say that the other half works");
  ensureEqual((await world.agents.ask(FIRST, "/member")).code, 200, "/member with half a mirror");
  await world.run(FIRST, "systemctl stop lab-writer");
  const count = await nothingLost(world, FIRST);
  // the same disk again: a reboot adds it, and only what was written meanwhile is copied
  await world.plug(FIRST, half);
  await world.reboot(FIRST);
  await world.agents.healthy(FIRST);
  await eventually(() => world.run(FIRST, HALVES), (active) => active === "2", { timeoutSeconds: 300, what: "a whole mirror" });
  return `${count} writes`;
}

/** As docs/hosts.md says: the volume replaced in the foundation, then the data center deployed. */
async function replacesDisk(world: World): Promise<string> {
  await world.run(THIRD, "dd if=/dev/urandom of=/srv/data/load bs=1M count=50 status=none; sha256sum /srv/data/load | cut -c 1-64 >/srv/data/load.sum; sync");
  const before = await world.volumeIds(THIRD);
  await world.pull(THIRD, before[0]);
  await eventually(() => world.run(THIRD, HALVES), (active) => active === "1", { timeoutSeconds: 60, what: "half a mirror" });
  await world.deploy("foundation", `-replace=hcloud_volume.volume["${THIRD}-data-a"]`);
  const after = await world.volumeIds(THIRD);
  ensure(after.filter((id) => before.includes(id)).length === 1, `volumes were ${before.join(", ")}, now ${after.join(", ")}`);
  const { seconds } = await world.deploy("hel1");
  await eventually(() => world.run(THIRD, HALVES), (active) => active === "2", { timeoutSeconds: 300, what: "a whole mirror" });
  const { body } = await world.agents.ask(THIRD, "/metrics");
  ensureEqual(body.match(/^triplicate_volume_disk_active\{volume="data",disk="\d+"\} 1$/gm)?.length, 2, "disks that work, in metrics");
  await world.run(THIRD, 'test "$(sha256sum /srv/data/load | cut -c 1-64)" = "$(cat /srv/data/load.sum)"');
  return `machine replaced in ${seconds.toFixed(0)} s`;
}

async function survivesPowerCut(world: World): Promise<string> {
  await writing(world, FIRST);
  await world.lab.cutPower(FIRST);
  await world.lab.powerOn(FIRST);
  await world.agents.healthy(FIRST);
  const count = await nothingLost(world, FIRST);
  await openedRight(world, FIRST);
  return `${count} writes`;
}

async function survivesDetach(world: World): Promise<string> {
  await writing(world, FIRST);
  const ids = await world.volumeIds(FIRST);
  for (const id of ids) await world.pull(FIRST, id);
  const reasons = await world.agents.ill(FIRST, "volume data");
  await world.lab.cutPower(FIRST);
  for (const id of ids) await world.plug(FIRST, id);
  await world.lab.powerOn(FIRST);
  await world.agents.healthy(FIRST);
  return `${await nothingLost(world, FIRST)} writes; ${reasons}`;
}
