import type { DriverVolume } from "hetzner-local";

/** A private NIC in a slot of the machine. */
export interface Plug {
  readonly tap: string;
  readonly macAddress: string;
  /** The root port that it is on; the guest names it `enp<port>s0`. */
  readonly port: number;
}

/** A volume on the machine's SCSI bus. */
export interface Disk {
  readonly volume: DriverVolume;
  readonly file: string;
  readonly lun: number;
}

/** What a machine is started with. */
export interface MachineSpec {
  readonly id: number;
  readonly name: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** Holds vmlinuz and initrd.img. */
  readonly imageDirectory: string;
  readonly rootDisk: string;
  readonly console: string;
  readonly publicTap: string;
  readonly publicMac: string;
  readonly plugs: readonly Plug[];
  readonly disks: readonly Disk[];
  /** The clock at the start, as `2027-01-31T12:00:00`. @default - now */
  readonly clock?: string;
}

type Properties = Readonly<Record<string, unknown>>;

/** Private NICs are named enp7s0 and up, as at Hetzner. */
export const PRIVATE_PORTS = [7, 8, 9, 10] as const;

/** Where QEMU finds its two channels to us: sockets that it inherits. */
export const CHANNELS = { qmp: 3, agent: 4 } as const;

/** A raw file in which what the guest trims becomes a hole, so that nothing stays in free blocks; flushes are for nobody. */
export function fileNode(name: string, filename: string): Properties {
  const file = { driver: "file", filename, discard: "unmap" };
  return { driver: "raw", "node-name": name, discard: "unmap", cache: { direct: false, "no-flush": true }, file };
}

/** The disk that the guest finds at `/dev/disk/by-id/scsi-0HC_Volume_<id>`. */
export function volumeDevice({ volume, lun }: Disk): Properties {
  const id = String(volume.id);
  const identity = { vendor: "HC", product: "Volume", serial: id, device_id: id };
  return { driver: "scsi-hd", id: `volume-${id}`, drive: `volume-node-${id}`, lun, ...identity, ...SCSI };
}

/** Names the block node of a volume. */
export function volumeNode({ volume, file }: Disk): Properties {
  return fileNode(`volume-node-${volume.id}`, file);
}

/** The host's end of a NIC. */
export function tapBackend(tap: string): Properties {
  return { type: "tap", id: `net-${tap}`, ifname: tap, script: "no", downscript: "no" };
}

/** A private NIC, of Hetzner's MTU. */
export function nicDevice({ tap, macAddress, port }: Plug): Properties {
  const place = { id: `nic-${tap}`, bus: `port${port}`, romfile: "" };
  return { driver: "virtio-net-pci", netdev: `net-${tap}`, mac: macAddress, host_mtu: 1450, ...place };
}

const SCSI = { bus: "scsi.0", "scsi-id": 0, logical_block_size: 512, physical_block_size: 4096, discard_granularity: 4096 };

const FIXED: readonly Properties[] = [
  { driver: "virtio-serial-pci", bus: "port3" },
  { driver: "virtserialport", chardev: "agent", name: "org.qemu.guest_agent.0" },
  { driver: "virtio-rng-pci", bus: "port4" },
  { driver: "virtio-scsi-pci", id: "scsi", bus: "port6" },
  { driver: "scsi-hd", drive: "root", lun: 0, ...SCSI },
];

/**
 * QEMU's command line. CPUs are emulated: `max` is the fastest, and a small translation cache saves 140 MB. Devices are all
 * in JSON: QEMU makes those after all others, whatever their order.
 */
export function qemuCommand(spec: MachineSpec): string[] {
  const { imageDirectory } = spec;
  const ports = Array.from({ length: PRIVATE_PORTS[PRIVATE_PORTS.length - 1] }, (_, index) => index + 1);
  return [
    "qemu-system-x86_64",
    ...["-name", spec.name, "-nodefaults", "-no-user-config", "-display", "none"],
    ...["-machine", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max", "-smp", String(spec.cpus), "-m", String(spec.memoryMiB)],
    ...["-smbios", "type=0,vendor=Hetzner,version=20171111"],
    ...["-smbios", `type=1,manufacturer=Hetzner,product=vServer,serial=${spec.id}`],
    ...["-kernel", `${imageDirectory}/vmlinuz`, "-initrd", `${imageDirectory}/initrd.img`],
    ...["-append", "root=LABEL=root ro console=ttyS0", "-rtc", `base=${spec.clock ?? "utc"}`],
    ...["-chardev", `file,id=console,path=${spec.console},append=on`, "-serial", "chardev:console"],
    ...["-chardev", `socket,id=qmp,fd=${CHANNELS.qmp}`, "-mon", "chardev=qmp,mode=control"],
    ...["-chardev", `socket,id=agent,fd=${CHANNELS.agent}`],
    ...["-blockdev", json(fileNode("root", spec.rootDisk))],
    ...[...ports.map(rootPort), ...FIXED].flatMap((device) => ["-device", json(device)]),
    ...nic(spec.publicTap, { driver: "virtio-net-pci", netdev: `net-${spec.publicTap}`, mac: spec.publicMac, bus: "port1", romfile: "" }),
    ...spec.plugs.flatMap((plug) => nic(plug.tap, nicDevice(plug))),
    ...spec.disks.flatMap((disk) => ["-blockdev", json(volumeNode(disk)), "-device", json(volumeDevice(disk))]),
  ];
}

function rootPort(port: number): Properties {
  const slot = 2 + Math.floor((port - 1) / 8);
  const chip = (port - 1) % 8;
  return { driver: "pcie-root-port", id: `port${port}`, bus: "pcie.0", chassis: port, addr: `${slot}.${chip}`, multifunction: chip === 0 };
}

function nic(tap: string, device: Properties): string[] {
  return ["-netdev", json(tapBackend(tap)), "-device", json(device)];
}

function json(value: Properties): string {
  return JSON.stringify(value);
}
