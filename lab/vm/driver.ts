import { existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import type { DriverNic, DriverServer } from "hetzner-local";

import { startCapture } from "./capture";
import type { Machine } from "./machine";
import { Machines } from "./machines";
import { LabNetwork, type Source } from "./network";
import { type Outcome, run, type RunOptions, runOrThrow } from "./process";
import { awaitReady, type BootStatus, makeReport, type MachineReport } from "./report";
import { type VmDriver, vmDriver } from "./server-driver";
import { type Service, type Services, startRelay, startServices } from "./services";
import { Volumes } from "./volumes";

export type { Source } from "./network";
export type { VmDriver } from "./server-driver";
export { MachineFailure } from "./report";
export type { BootStatus, MachineReport } from "./report";

/** What a lab is made of. */
export interface VmLabOptions {
  /** Holds a folder per machine (its console stays), volumes and the logs of services. Created if missing. */
  readonly directory: string;
  /** What is in the image besides Debian; see `image.sh`. @default TRIPLICATE_LAB_IMAGE, or "plain" */
  readonly image?: "plain" | "hc-utils" | "prepared";
  /** Processors of each machine. @default TRIPLICATE_LAB_CPUS, or 1: two wait for each other where machines share this computer's */
  readonly cpus?: number;
  /** Of each machine, in MiB. @default 768 */
  readonly memoryMiB?: number;
}

/** Servers as QEMU machines in a network of their own, with what Hetzner has around them. Machines go by their names. */
export interface VmLab {
  readonly driver: VmDriver;
  /** The words before a command that make it run in the lab's network. */
  readonly enter: readonly string[];
  readonly services: Services;
  /** Makes a port on loopback in the lab lead to the same one outside. */
  expose(port: number): Promise<void>;
  /** Runs a command with bash, as root, in a machine, without a network. */
  exec(name: string, command: string, options?: { readonly timeoutSeconds?: number }): Promise<Outcome>;
  /** Resolves when the machine answers; long before cloud-init has finished. */
  waitForBoot(name: string, timeoutSeconds?: number): Promise<void>;
  /** Resolves when cloud-init has finished without errors and no unit has failed, else rejects with a `MachineFailure`. */
  ready(name: string, timeoutSeconds?: number): Promise<BootStatus>;
  report(name: string): Promise<MachineReport>;
  /** What the machine was made of. */
  serverOf(name: string): DriverServer;
  /** The private NICs that the machine has now. */
  nicsOf(name: string): readonly DriverNic[];
  isOn(name: string): boolean;
  /** Lifts Hetzner's firewall from a machine while something is done. */
  withoutFirewall<T>(name: string, act: () => Promise<T>): Promise<T>;
  /** The file of everything that the machine has printed, over all of its starts. */
  consoleOf(name: string): string;
  /** The raw file of the machine's own disk. */
  rootDiskOf(name: string): string;
  /** The raw file of a volume. */
  volumeFile(id: number): string;
  /** How often a disk's file holds a text, in free blocks too; what was trimmed is gone. */
  countOnDisk(file: string, text: string): Promise<number>;
  cutPower(name: string): Promise<void>;
  powerOn(name: string): Promise<void>;
  /** The clock at the machine's next start, in UTC, as `2027-01-31T12:00:00`; once. */
  setClock(name: string, iso: string): void;
  /** Runs a program in the lab's network. */
  run(command: readonly string[], options?: RunOptions & { readonly source?: Source }): Promise<Outcome>;
  /** Records a machine's traffic into a file, until the returned function is called. */
  capture(name: string, nic: "public" | "private", file: string): Promise<() => Promise<void>>;
  /** Ends all. What is in the directory stays, but for root disks. */
  close(): Promise<void>;
}

/** This machine cannot run a lab; exit codes are those of `image.sh`. */
export class CannotRunMachines extends Error {
  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

const BOOT_SECONDS = 600;
const IMAGE_SECONDS = 900;
const IMAGE_CANNOT = 3;

/**
 * Starts a lab without machines: a network and services. The first call on a computer builds the image.
 *
 * Whoever starts one closes it; all of it also dies with this process, however that ends.
 */
export async function startVmLab(options: VmLabOptions): Promise<VmLab> {
  const directory = resolve(options.directory);
  const logDirectory = join(directory, "services");
  const scripts = scriptDirectory();
  mkdirSync(logDirectory, { recursive: true });

  const imageDirectory = await buildImage(scripts, options.image ?? process.env.TRIPLICATE_LAB_IMAGE ?? "plain");
  const network = await LabNetwork.start(scripts);
  const volumes = new Volumes(join(directory, "volumes"));
  const machinesFile = join(directory, "machines.json");
  const cpus = options.cpus ?? Number(process.env.TRIPLICATE_LAB_CPUS ?? 1);
  const memoryMiB = options.memoryMiB ?? 768;
  const machines = new Machines({ directory, imageDirectory, cpus, memoryMiB, network, volumes }, machinesFile);
  const place = { network, directory: scripts, logDirectory };
  const services = await startServices({ ...place, imageDirectory, machinesFile });
  const relays: Service[] = [];

  const killAll = (): void => machines.all.forEach((machine) => machine.killNow());
  process.on("exit", killAll);
  const close = async (): Promise<void> => {
    await Promise.all(machines.all.map((machine) => machine.delete()));
    await Promise.all([...Object.values(services), ...relays].map((service) => service.down()));
    await network.close();
    process.off("exit", killAll);
  };
  return {
    ...controls(machines, network),
    driver: vmDriver(machines, volumes, network, close),
    enter: network.enter(),
    services,
    volumeFile: (id) => volumes.fileOf(id),
    countOnDisk: async (file, text) => Number(await runOrThrow(["python3", join(scripts, "search.py"), file], { input: text })),
    async expose(port) {
      relays.push(await startRelay(place, port));
    },
    close,
  };
}

type Controls = Omit<VmLab, "driver" | "enter" | "services" | "volumeFile" | "countOnDisk" | "expose" | "close">;

/** What tests do to machines by their names. */
function controls(machines: Machines, network: LabNetwork): Controls {
  const named = (name: string): Machine => machines.named(name);
  return {
    exec: async (name, command, { timeoutSeconds } = {}) => named(name).agent.exec(command, timeoutSeconds),
    waitForBoot: async (name, timeoutSeconds = BOOT_SECONDS) => named(name).agent.ready(timeoutSeconds),
    ready: async (name, timeoutSeconds = BOOT_SECONDS) => awaitReady(named(name), timeoutSeconds),
    report: async (name) => makeReport(named(name)),
    serverOf: (name) => named(name).server,
    nicsOf: (name) => machines.nicsOf(named(name).server),
    isOn: (name) => named(name).isOn,
    withoutFirewall: async (name, act) => network.withoutFilter(named(name).server.publicIpv4 ?? "", act),
    consoleOf: (name) => named(name).console,
    rootDiskOf: (name) => named(name).rootDisk,
    cutPower: async (name) => named(name).powerOff(),
    powerOn: async (name) => named(name).powerOn(),
    setClock(name, iso) {
      named(name).nextClock = iso;
    },
    run: (command, { source, ...limits } = {}) => run([...network.enter(source), ...command], limits),
    capture: async (name, nic, file) => startCapture(network, named(name).tapOf(nic), file),
  };
}

/** Of `lab/vm` in the sources, wherever this file was compiled to. */
function scriptDirectory(): string {
  let directory = __dirname;
  while (!existsSync(join(directory, "cdktf.json"))) directory = dirname(directory);
  return join(directory, "lab", "vm");
}

async function buildImage(scripts: string, variant: string): Promise<string> {
  const { exitCode, stdout, stderr } = await run([join(scripts, "image.sh"), variant], { timeoutSeconds: IMAGE_SECONDS });
  if (exitCode >= IMAGE_CANNOT) throw new CannotRunMachines(stderr.trim(), exitCode);
  if (exitCode !== 0) throw new Error(stderr);
  return stdout.trim();
}
