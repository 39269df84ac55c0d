import type { DriverServer, DriverVolume, ServerDriver } from "hetzner-local";

/** How a machine's first boot ended, in cloud-init's words. */
export interface BootEnd {
  readonly status: string;
  /** Warnings that cloud-init calls recoverable. */
  readonly isDegraded: boolean;
}

/** Why a machine is as it is; empty where it could not be asked. */
export interface MachineReport {
  readonly cloudInit: string;
  readonly failedUnits: string;
  /** Of the failed units. */
  readonly journal: string;
  readonly console: string;
}

/** A driver that knows whether a running machine has let go of a volume. */
export interface AskingDriver extends ServerDriver {
  mayDetach(server: DriverServer, volume: DriverVolume): Promise<boolean>;
}

/** Machines that boot an operating system, in a network of their own: what a rehearsal needs of `lab/vm`. */
export interface BootedMachines {
  readonly driver: AskingDriver;
  /** The words before a command that make it run inside the machines' network, as the operator: `nsenter`, `--net=…`. */
  readonly enter: readonly string[];
  /** Makes a port of this machine's 127.0.0.1 answer at 127.0.0.1 inside the network too. */
  expose(port: number): Promise<void>;
  /** Resolves when a machine answers; long before cloud-init has finished. */
  waitForBoot(name: string, timeoutSeconds: number): Promise<void>;
  /** Resolves when cloud-init has finished and no unit has failed; rejects if that does not come to pass. */
  ready(name: string, timeoutSeconds: number): Promise<BootEnd>;
  report(name: string): Promise<MachineReport>;
  /** Ends every machine, and the network. The driver's `close` is the same; only one of them is called, once. */
  close(): Promise<void>;
}

interface VmLab {
  startVmLab(options: { readonly directory: string }): Promise<BootedMachines>;
}

/** The range of the machines' public addresses: reserved for benchmarks of networks, so it leads nowhere else. */
export const MACHINES_RANGE = "198.18.0.0/16";

/** Starts the lab whose machines are booted by QEMU. Whoever starts one must close it. */
export function startMachines(directory: string): Promise<BootedMachines> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import would load the lab for simulated machines too
  return (require("../lab/vm/driver") as VmLab).startVmLab({ directory });
}
