import { SystemdUnit } from "../../render/systemd-unit";
import { readAsset } from "./assets";
import { HostFile } from "./host-file";

/** Where programs of ours lie on a host. */
export const PROGRAMS = "/usr/local/lib/triplicate";

/** The Debian packages that a host installs, one per line. */
export const PACKAGES_FILE = "/etc/triplicate/packages";

/** The unit after which everything in `/run/triplicate` is there. */
export const RUNTIME_FILES_UNIT = "triplicate-runtime-files.service";

/** The unit after which every added package is installed. */
export const PACKAGES_UNIT = "triplicate-packages.service";

/** The programs that every host has. */
export function baseSystemFiles(): HostFile[] {
  return [
    { path: `${PROGRAMS}/bootstrap.sh`, content: readAsset("bootstrap.sh"), mode: "0755" },
    { path: `${PROGRAMS}/fetch-runtime-files.py`, content: readAsset("fetch-runtime-files.py"), mode: "0755" },
    { path: `${PROGRAMS}/install-packages.sh`, content: readAsset("install-packages.sh"), mode: "0755" },
    { path: "/etc/triplicate/health.d/10-units", content: readAsset("health.d/units.sh"), mode: "0755" },
  ];
}

/** The units that every host has, in order. */
export const BASE_SYSTEM_UNITS: readonly SystemdUnit[] = [
  {
    name: RUNTIME_FILES_UNIT,
    description: "Certificates and keys, from the metadata service into memory",
    after: ["network-online.target"],
    execStart: `${PROGRAMS}/fetch-runtime-files.py`,
  },
  {
    name: PACKAGES_UNIT,
    description: "Debian packages of this host",
    after: ["network-online.target"],
    execStart: `${PROGRAMS}/install-packages.sh ${PACKAGES_FILE}`,
  },
];

/** Before sshd could start: it is masked for good, and root has no password that opens anything. */
export const BOOT_COMMANDS: readonly (readonly string[])[] = [
  ["systemctl", "mask", "--now", "ssh.service", "ssh.socket"],
  ["passwd", "--lock", "root"],
];

/** The end of the first boot: start everything, and fail where something failed. */
export const RUN_COMMANDS: readonly (readonly string[])[] = [[`${PROGRAMS}/bootstrap.sh`]];
