import { renderTimeSync, renderUnattendedUpgrades } from "../../render/base-system";
import { renderSystemdUnit, SystemdUnit } from "../../render/systemd-unit";
import { toIni } from "../../render/writers";
import { readAsset } from "./assets";
import { HostFile } from "./host-file";

/** Where programs of ours lie on a host. */
export const PROGRAMS = "/usr/local/lib/triplicate";

/** The Debian packages that a host installs, one per line. */
export const PACKAGES_FILE = "/etc/triplicate/packages";

/** Which packages unattended upgrades leave alone. */
export const UPGRADES_FILE = "/etc/apt/apt.conf.d/60triplicate";

/** The unit after which everything in `/run/triplicate` is there. */
export const RUNTIME_FILES_UNIT = "triplicate-runtime-files.service";

/** The unit after which the clock is right. */
export const CLOCK_UNIT = "triplicate-clock.service";

/** The unit after which every added package is installed. */
export const PACKAGES_UNIT = "triplicate-packages.service";

/** The unit after which the private network is there. */
export const PRIVATE_NETWORK_UNIT = "triplicate-private-network.service";

/** The packages that every host has. */
export const BASE_PACKAGES: readonly string[] = ["systemd-timesyncd", "unattended-upgrades"];

const PROGRAM_NAMES = [
  "bootstrap.sh",
  "fetch-runtime-files.py",
  "first-boot-done.sh",
  "install-packages.sh",
  "private-network.py",
  "wait-for-clock.sh",
] as const;

/** The most that the journal takes of the disk, and for how long it keeps what it has: a month is one round of patches. */
const JOURNAL = { SystemMaxUse: "512M", MaxRetentionSec: "1month" } as const;

/** Ends the first boot; only the bootstrap starts it, once everything else runs. */
const FIRST_BOOT_UNIT: SystemdUnit = {
  name: "triplicate-first-boot.service",
  description: "End of the first boot",
  // Requires= would pull cloud-init's last stage into every transaction: it is running already
  unit: { After: "cloud-final.service", ConditionPathExists: "!/var/lib/triplicate/done" },
  execStart: `${PROGRAMS}/first-boot-done.sh`,
  // on a machine whose mirror is being filled, systemd itself may be too busy to answer
  service: { Restart: "on-failure" },
};

/** The programs and settings that every host has. */
export function baseSystemFiles(): HostFile[] {
  return [
    ...PROGRAM_NAMES.map((name) => ({ path: `${PROGRAMS}/${name}`, content: readAsset(name), mode: "0755" })),
    { path: "/etc/triplicate/health.d/10-units", content: readAsset("health.d/units.sh"), mode: "0755" },
    { path: `/etc/systemd/system/${FIRST_BOOT_UNIT.name}`, content: renderSystemdUnit(FIRST_BOOT_UNIT) },
    { path: "/etc/systemd/journald.conf.d/triplicate.conf", content: toIni({ Journal: JOURNAL }) },
    { path: "/etc/systemd/timesyncd.conf.d/triplicate.conf", content: renderTimeSync(TIME_SERVERS) },
  ];
}

/** Hetzner's own, near every machine; from memory of its documentation. When none answers, the host goes on with a plausible clock. */
const TIME_SERVERS: readonly string[] = ["ntp1.hetzner.de", "ntp2.hetzner.com", "ntp3.hetzner.net"];

/** The settings of unattended upgrades: security only, no restart of the machine, nothing that is held. */
export function upgradesFile(held: readonly string[]): HostFile {
  return { path: UPGRADES_FILE, content: renderUnattendedUpgrades(held) };
}

/** The units that every host has. */
export const BASE_SYSTEM_UNITS: readonly SystemdUnit[] = [
  {
    name: RUNTIME_FILES_UNIT,
    description: "Certificates and keys, from the metadata service into memory",
    after: ["network-online.target"],
    execStart: `${PROGRAMS}/fetch-runtime-files.py`,
  },
  {
    name: CLOCK_UNIT,
    description: "The clock",
    after: [RUNTIME_FILES_UNIT],
    execStart: `${PROGRAMS}/wait-for-clock.sh`,
  },
  {
    name: PACKAGES_UNIT,
    description: "Debian packages of this host",
    after: [CLOCK_UNIT],
    execStart: `${PROGRAMS}/install-packages.sh ${PACKAGES_FILE}`,
    // nothing of ours belongs into the initramfs, which half of the packages would have made anew, one minute on a small machine
    service: { BindReadOnlyPaths: "/usr/bin/true:/usr/sbin/update-initramfs" },
  },
  {
    name: PRIVATE_NETWORK_UNIT,
    description: "Interface in the private network",
    after: ["network-online.target"],
    execStart: `${PROGRAMS}/private-network.py`,
  },
];

/** Before anything could listen; not a file, as none is there yet. */
export const BOOT_COMMANDS: readonly (readonly string[])[] = [["sh", "-c", readAsset("before-boot.sh")]];

/** The end of the first boot: start everything, and fail where something failed. */
export const RUN_COMMANDS: readonly (readonly string[])[] = [[`${PROGRAMS}/bootstrap.sh`]];
