import { renderSystemdUnit, SystemdUnit } from "../../render/systemd-unit";
import { toJson } from "../../render/writers";
import { readAsset } from "../host/assets";
import { PACKAGES_UNIT, PROGRAMS, RUNTIME_FILES_UNIT } from "../host/base-system";
import { Host, IHostContribution } from "../host/host";
import { RUNTIME_DIRECTORY } from "../host/host-file";
import { DISK_KEY_LENGTH } from "./persistent-volumes";

/** The unit after which every volume is mounted. */
export const VOLUMES_UNIT = "triplicate-volumes.service";

/** One encrypted volume of a host. */
export interface EncryptedVolume {
  /** Lower case letters, digits and hyphens; at most 40. */
  readonly name: string;
  /** The id of its Hetzner volume, or of the two halves of its mirror. Tokens. Changing one replaces the host. */
  readonly volumeIds: readonly string[];
  /**
   * Where it is mounted.
   *
   * @default - `/srv/<name>`
   */
  readonly path?: string;
}

/** What a host's volumes are. */
export interface EncryptedVolumesProps {
  readonly volumes: readonly EncryptedVolume[];
  /**
   * The keys that open them, by generation; the highest is the current one, and those that are not here are forgotten. Tokens.
   * Changing the generations replaces the host.
   */
  readonly diskKeys: Readonly<Record<number, string>>;
}

/** The most digits of a Hetzner id. */
const ID_BYTES = 16;

/**
 * The volumes of a host: ext4 on LUKS2 on a Hetzner volume, or on a RAID1 mirror of two.
 *
 * A volume is made once, on disks that are blank, and opened ever after; anything else on them is refused, untouched, and the
 * host's health says so. The keys come with user_data into memory at each boot and are on no disk. A volume grows by itself
 * when Hetzner's does. Slot 7 of the LUKS header is never touched: it is for a recovery key that is kept offline.
 */
export class EncryptedVolumes implements IHostContribution {
  constructor(private readonly props: EncryptedVolumesProps) {}

  public bind(host: Host): void {
    const { volumes, diskKeys } = this.props;
    const isMirrored = volumes.some(({ volumeIds }) => volumeIds.length > 1);
    host.addPackage("cryptsetup-bin", ...(isMirrored ? ["mdadm"] : []));
    if (isMirrored) host.addFile({ path: "/etc/mdadm/mdadm.conf.d/triplicate.conf", content: MDADM });
    host.addFile({ path: `${PROGRAMS}/volumes.py`, content: readAsset("volumes.py"), mode: "0755" });
    host.addFile({ path: `${PROGRAMS}/disks.py`, content: readAsset("disks.py") });
    const settings = volumes.map(({ name, path }) => [name, path ?? `/srv/${name}`]);
    host.addFile({ path: "/etc/triplicate/volumes.json", content: toJson(Object.fromEntries(settings)) });
    host.addFile({ path: "/etc/udev/rules.d/61-triplicate-volumes.rules", content: GROWS });
    for (const place of ["health.d", "metrics.d", "leave.d"]) {
      host.addFile({ path: `/etc/triplicate/${place}/80-volumes`, content: readAsset(`${place}/volumes.sh`), mode: "0755" });
    }
    for (const { name, volumeIds } of volumes) {
      const variable = `VOLUME_${name.toUpperCase().replaceAll("-", "_")}`;
      host.addValue({ name: variable, value: volumeIds.join(" "), maxBytes: volumeIds.length * ID_BYTES });
    }
    for (const [generation, key] of Object.entries(diskKeys)) {
      host.addRuntimeFile({ path: `${RUNTIME_DIRECTORY}/disk-keys/${generation}`, content: key, maxBytes: DISK_KEY_LENGTH, isOneWord: true });
    }
    this.addUnits(host);
  }

  private addUnits(host: Host): void {
    host.addUnit({
      name: VOLUMES_UNIT,
      description: "Encrypted volumes",
      after: [RUNTIME_FILES_UNIT, PACKAGES_UNIT],
      execStart: `${PROGRAMS}/volumes.py open`,
      service: { ExecStop: `${PROGRAMS}/volumes.py close` },
    });
    host.addFile({ path: `/etc/systemd/system/${GROW.name}`, content: renderSystemdUnit(GROW) });
  }
}

/**
 * Mirrors are put together by our own unit, from the disks that it was told, and never by udev from what looks like one. What happens to
 * one is in the journal. The package writes the main file anew when it is installed.
 */
const MDADM = "AUTO -all\nPROGRAM /usr/bin/logger\n";

/** The kernel says when a disk has got larger. */
const GROWS = 'ACTION=="change", SUBSYSTEM=="block", ENV{RESIZE}=="1", RUN+="/usr/bin/systemctl start --no-block triplicate-volumes-grow.service"\n';

/** Started by the rule above, and not at boot: opening a volume grows it too. */
const GROW: SystemdUnit = {
  name: "triplicate-volumes-grow.service",
  description: "Growth of encrypted volumes",
  after: [VOLUMES_UNIT],
  execStart: `${PROGRAMS}/volumes.py grow`,
  service: { RemainAfterExit: "no" },
};
