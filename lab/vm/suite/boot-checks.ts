import { createHash } from "node:crypto";
import { readCloudConfig } from "../../../rehearsal/cloud-config";
import { Check, DATABASES, each, ensure, ensureEqual, quoted, WORKER } from "./check";
import type { World } from "./world";

/** Prints mode, owner and hash of each file that is named on the command line, as JSON. */
const STAT = `
import grp, hashlib, json, os, pwd, sys
def of(path):
    status = os.stat(path)
    owner = f"{pwd.getpwuid(status.st_uid).pw_name}:{grp.getgrgid(status.st_gid).gr_name}"
    return [path, f"{status.st_mode & 0o7777:o}", owner, hashlib.sha256(open(path, "rb").read()).hexdigest()]
print(json.dumps([of(path) for path in sys.argv[1:]]))
`;

export const bootChecks: readonly Check[] = [
  { promise: 1, name: "cloud-init is done, from Hetzner's datasource, and no unit has failed", run: (world) => each(world, endedWell) },
  { promise: 1, name: "no warning of ours in the journal", run: (world) => each(world, withoutWarnings) },
  { promise: 1, name: "every file, byte for byte, with its mode and owner", run: (world) => each(world, filesAsSynthesized) },
  { promise: 1, name: "host.env says the same to a shell and to systemd", run: (world) => each(world, environmentAgrees) },
  { promise: 1, name: "nobody is healthy before the first boot has ended", run: (world) => each(world, healthyOnlyThen) },
  { promise: 1, name: "sshd masked, root locked, journal limited, upgrades held, clock right", run: (world) => each(world, hardened) },
];

async function endedWell(world: World, machine: string): Promise<string> {
  const status = await world.lab.ready(machine);
  ensureEqual([status.status, status.isDegraded, status.datasource], ["done", false, "DataSourceHetzner"], `${machine}: cloud-init`);
  ensureEqual([status.errors, status.warnings, status.failedUnits], [[], [], []], `${machine}: errors, warnings, failed units`);
  return `${machine} ${status.uptimeSeconds.toFixed(0)} s`;
}

async function withoutWarnings(world: World, machine: string): Promise<void> {
  const lines = await world.run(machine, "journalctl --boot --priority=warning --unit='triplicate*' --no-pager --output=cat --quiet");
  ensureEqual(lines, "", `${machine}: warnings of our units`);
}

async function filesAsSynthesized(world: World, machine: string): Promise<string> {
  const { files } = readCloudConfig(world.userData(machine));
  const expected = files.map(({ path, mode, owner, content }) => [path, mode.toString(8), owner, createHash("sha256").update(content).digest("hex")]);
  const found = await world.run(machine, `python3 -c ${quoted(STAT)} ${files.map(({ path }) => quoted(path)).join(" ")}`);
  ensureEqual(JSON.parse(found), expected, `${machine}: files`);
  return `${machine} ${files.length} files`;
}

/** Prints the hash of what a program sees of it: there may be secrets in it. */
const SEEN = "for name in $(sed -n 's/^\\([A-Z0-9_]*\\)=.*/\\1/p' /run/triplicate/host.env); do printenv $name; done | sha256sum";

async function environmentAgrees(world: World, machine: string): Promise<string> {
  const file = "/run/triplicate/host.env";
  const byShell = await world.run(machine, `set -a; . ${file}; ${SEEN}`);
  const bySystemd = await world.run(machine, `systemd-run --quiet --pipe --wait --expand-environment=no --property=EnvironmentFile=${file} sh -c ${quoted(SEEN)}`);
  ensureEqual(bySystemd, byShell, `${machine}: what systemd reads of ${file}`);
  return `${machine} ${await world.run(machine, `wc -l <${file}`)} values`;
}

/** Compares two clocks that the lab's time server keeps together to well under a second. */
async function healthyOnlyThen(world: World, machine: string): Promise<string | undefined> {
  const first = world.firstBoots.healthyAt(machine);
  if (first === undefined) return;
  const ended = Number(await world.run(machine, "stat -c %Y /var/lib/triplicate/done"));
  ensure(first / 1000 >= ended - 1, `${machine}: healthy at ${new Date(first).toISOString()}, its first boot ended ${new Date(ended * 1000).toISOString()}`);
}

async function hardened(world: World, machine: string): Promise<void> {
  const facts = await world.run(
    machine,
    [
      "systemctl is-enabled ssh.service ssh.socket | xargs",
      "passwd --status root | cut -d ' ' -f 2",
      "systemd-analyze cat-config systemd/journald.conf | grep -c '^SystemMaxUse=512M'",
      "apt-config dump Unattended-Upgrade::Automatic-Reboot | cut -d '\"' -f 2",
      "apt-config dump Unattended-Upgrade::Origins-Pattern | grep -c Debian-Security",
      "timedatectl show --property=NTPSynchronized --value",
      "ls /etc/cloud/cloud-init.disabled",
      "ls -A /var/lib/cloud/instances 2>/dev/null | wc -l",
    ].join("; "),
  );
  ensureEqual(facts.split("\n"), ["masked masked", "L", "1", "false", "1", "yes", "/etc/cloud/cloud-init.disabled", "0"], machine);
  if (machine !== WORKER) return;
  const dry = await world.run(machine, "unattended-upgrade --dry-run --verbose 2>&1 | tail -n 5", 300);
  ensure(!/error|traceback/i.test(dry), `${machine}: unattended-upgrade --dry-run:\n${dry}`);
  ensure((await world.run(machine, "apt-config dump Unattended-Upgrade::Package-Blacklist")).includes("docker"), "Docker is not held");
}

export const kernelChecks: readonly Check[] = [{ promise: 2, name: "every kernel setting, read back", run: (world) => each(world, kernelAsTold) }];

/** Every setting of the files that the profile rendered, from the kernel itself. */
export async function kernelAsTold(world: World, machine: string): Promise<string> {
  const { files } = readCloudConfig(world.userData(machine));
  const text = (path: string) => files.find((file) => file.path === path)?.content.toString() ?? "";
  const settings = text("/etc/sysctl.d/90-triplicate.conf").trim().split("\n").map((line) => line.split(" = "));
  const found = await world.run(machine, `sysctl --values ${settings.map(([name]) => name).join(" ")}`);
  ensureEqual(found.split("\n"), settings.map(([, value]) => value), `${machine}: ${settings.map(([name]) => name).join(" ")}`);
  const pages = await world.run(machine, "cat /sys/kernel/mm/transparent_hugepage/enabled");
  const [, wanted] = / - - - - (\S+)/.exec(text("/etc/tmpfiles.d/triplicate.conf")) ?? [];
  ensure(pages.includes(`[${wanted}]`), `${machine}: transparent huge pages are ${pages}, wanted ${wanted}`);
  const schedulers = await world.run(machine, "cat /sys/block/sd*/queue/scheduler");
  ensure(schedulers.split("\n").every((line) => line.includes("[none]")), `${machine}: I/O schedulers are ${schedulers}`);
  ensureEqual(await world.run(machine, "systemctl show --property=DefaultLimitNOFILE,DefaultLimitNOFILESoft | sort"), "DefaultLimitNOFILE=1048576\nDefaultLimitNOFILESoft=65536", machine);
  for (const name of text("/etc/modules-load.d/triplicate.conf").split("\n").filter(Boolean)) await world.run(machine, `test -d /sys/module/${name}`);
  if ((DATABASES as readonly string[]).includes(machine)) await world.run(machine, "test -c /dev/watchdog");
  return `${machine} ${settings.length} parameters`;
}
