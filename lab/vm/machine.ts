import { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";

import type { DriverNic, DriverServer, DriverVolume } from "hetzner-local";

import { GuestAgent } from "./guest-agent";
import type { LabNetwork } from "./network";
import { isRunning, kill, runOrThrow, sleep, spawnTied } from "./process";
import { CHANNELS, type Disk, nicDevice, type Plug, PRIVATE_PORTS, qemuCommand, tapBackend, volumeDevice, volumeNode } from "./qemu";
import { Qmp } from "./qmp";
import type { Volumes } from "./volumes";

/** What all machines of a lab share. */
export interface MachineHome {
  readonly directory: string;
  readonly imageDirectory: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly network: LabNetwork;
  readonly volumes: Volumes;
}

interface Running {
  readonly process: ChildProcess;
  readonly qmp: Qmp;
  readonly agent: GuestAgent;
}

const ROOT_DISK_BYTES = 10 * 1024 ** 3;
const SHUTDOWN_SECONDS = 120;
const RELEASE_SECONDS = 60;

/** A server as a QEMU process, with its disks and its ends of the network. */
export class Machine {
  readonly folder: string;
  readonly console: string;
  readonly rootDisk: string;
  /** The clock at the next start; see `MachineSpec.clock`. */
  nextClock?: string;
  private running?: Running;
  private publicTap = "";
  private readonly plugs = new Map<number, Plug>();
  private readonly disks = new Map<number, Disk>();

  constructor(
    readonly server: DriverServer,
    private readonly home: MachineHome,
  ) {
    this.folder = join(home.directory, `${server.name}-${server.id}`);
    this.console = join(this.folder, "console.log");
    this.rootDisk = join(this.folder, "root.raw");
  }

  /** Of the public NIC; within the range that Hetzner's have. */
  get publicMac(): string {
    const tail = this.server.id.toString(16).padStart(8, "0").slice(-8);
    return `96:00:${tail.replace(/(..)(?=.)/g, "$1:")}`;
  }

  get isOn(): boolean {
    return this.running !== undefined && isRunning(this.running.process);
  }

  get pid(): number | undefined {
    return this.running?.process.pid;
  }

  get agent(): GuestAgent {
    return this.channels().agent;
  }

  /** The tap of a NIC: the public one, or the first private one. */
  tapOf(nic: "public" | "private"): string {
    const tap = nic === "public" ? this.publicTap : [...this.plugs.values()][0]?.tap;
    if (!tap) throw new Error(`${this.server.name} has no ${nic} NIC`);
    return tap;
  }

  /** Makes the root disk and the NICs, and switches on; returns while the machine boots. */
  async create(): Promise<void> {
    const { network, imageDirectory } = this.home;
    mkdirSync(this.folder, { recursive: true });
    await runOrThrow(["cp", "--reflink=auto", "--sparse=always", join(imageDirectory, "base.raw"), this.rootDisk]);
    truncateSync(this.rootDisk, ROOT_DISK_BYTES);
    this.publicTap = await network.addTap("public");
    if (this.server.publicIpv4) await network.addPublic(this.server.publicIpv4);
    for (const nic of this.server.privateNics) await this.attachNic(nic);
    for (const volume of this.server.volumes) await this.attachVolume(volume);
    await this.powerOn();
  }

  async delete(): Promise<void> {
    const { network } = this.home;
    await this.powerOff();
    for (const { tap } of this.plugs.values()) await network.deleteTap(tap);
    if (this.publicTap) await network.deleteTap(this.publicTap);
    if (this.server.publicIpv4) await network.deletePublic(this.server.publicIpv4);
    rmSync(this.rootDisk, { force: true });
  }

  async powerOn(): Promise<void> {
    if (this.isOn) return;
    const logFile = join(this.folder, "qemu.log");
    const log = openSync(logFile, "a");
    const child = spawnTied([...this.home.network.enter(), ...this.command()], { stdio: ["ignore", log, log, "pipe", "pipe"] });
    closeSync(log);
    this.nextClock = undefined;
    const channel = (descriptor: number): Duplex => child.stdio[descriptor] as unknown as Duplex;
    this.running = { process: child, qmp: new Qmp(channel(CHANNELS.qmp)), agent: new GuestAgent(channel(CHANNELS.agent)) };
    try {
      await this.running.qmp.negotiate();
    } catch {
      await kill(child);
      throw new Error(`QEMU does not start ${this.server.name}: ${readFileSync(logFile, "utf8").slice(-2000)}`);
    }
  }

  /** As if the plug were pulled. */
  async powerOff(): Promise<void> {
    if (this.running) await kill(this.running.process);
  }

  /** Presses the power button, and waits until the machine has obeyed. */
  async shutdown(): Promise<void> {
    if (!this.isOn) return;
    const { process, qmp } = this.channels();
    const ended = once(process, "exit").then(() => true);
    await qmp.execute("system_powerdown");
    const isOff = await Promise.race([ended, sleep(SHUTDOWN_SECONDS * 1000).then(() => false)]);
    if (!isOff) throw new Error(`${this.server.name} did not shut down within ${SHUTDOWN_SECONDS} s`);
  }

  async attachNic(nic: DriverNic): Promise<void> {
    if (this.plugs.has(nic.networkId)) return;
    const { network } = this.home;
    const taken = new Set([...this.plugs.values()].map(({ port }) => port));
    const port = PRIVATE_PORTS.find((candidate) => !taken.has(candidate));
    if (port === undefined) throw new Error(`${this.server.name} has no slot left for a private NIC`);
    await network.addPrivateNetwork(nic);
    const plug = { tap: await network.addTap("private"), macAddress: nic.macAddress, port };
    this.plugs.set(nic.networkId, plug);
    if (!this.isOn) return;
    await this.channels().qmp.execute("netdev_add", tapBackend(plug.tap));
    await this.channels().qmp.execute("device_add", nicDevice(plug));
  }

  async detachNic(nic: DriverNic): Promise<void> {
    const plug = this.plugs.get(nic.networkId);
    if (plug === undefined) return;
    if (this.isOn) {
      await this.release(`nic-${plug.tap}`);
      await this.channels().qmp.execute("netdev_del", { id: `net-${plug.tap}` });
    }
    this.plugs.delete(nic.networkId);
    await this.home.network.deleteTap(plug.tap);
  }

  async attachVolume(volume: DriverVolume): Promise<void> {
    if (this.disks.has(volume.id)) return;
    const taken = new Set([...this.disks.values()].map(({ lun }) => lun));
    let lun = 1;
    while (taken.has(lun)) lun++;
    const disk = { volume, file: this.home.volumes.ensure(volume), lun };
    this.disks.set(volume.id, disk);
    if (!this.isOn) return;
    await this.channels().qmp.execute("blockdev-add", volumeNode(disk));
    await this.channels().qmp.execute("device_add", volumeDevice(disk));
  }

  async detachVolume({ id }: DriverVolume): Promise<void> {
    if (!this.disks.has(id)) return;
    if (this.isOn) {
      await this.release(`volume-${id}`);
      await this.channels().qmp.execute("blockdev-del", { "node-name": `volume-node-${id}` });
    }
    this.disks.delete(id);
  }

  /** The guest sees the new size without being asked. */
  async resizeVolume({ id, sizeGb }: DriverVolume): Promise<void> {
    const args = { "node-name": `volume-node-${id}`, size: sizeGb * 1024 ** 3 };
    if (this.isOn && this.disks.has(id)) await this.channels().qmp.execute("block_resize", args);
  }

  /** For the end of this process, where nothing can be awaited. */
  killNow(): void {
    this.running?.process.kill("SIGKILL");
  }

  private async release(device: string): Promise<void> {
    const { qmp } = this.channels();
    const released = qmp.deviceDeleted(device, RELEASE_SECONDS);
    await Promise.all([released, qmp.execute("device_del", { id: device })]);
  }

  private channels(): Running {
    if (!this.running || !this.isOn) throw new Error(`${this.server.name} is off`);
    return this.running;
  }

  private command(): string[] {
    const { imageDirectory, cpus, memoryMiB } = this.home;
    return qemuCommand({
      id: this.server.id,
      name: this.server.name,
      cpus,
      memoryMiB,
      imageDirectory,
      rootDisk: this.rootDisk,
      console: this.console,
      publicTap: this.publicTap,
      publicMac: this.publicMac,
      plugs: [...this.plugs.values()],
      disks: [...this.disks.values()],
      clock: this.nextClock,
    });
  }
}
