import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import type { LabNetwork } from "./network";
import { isRunning, kill, sleep, spawnTied } from "./process";

/** A service of the lab that can be made to fail. */
export interface Service {
  /** What it said, request by request. */
  readonly log: string;
  /** From now on nobody listens there. */
  down(): Promise<void>;
  up(): Promise<void>;
}

/** What the services need to know. */
export interface ServicesProps {
  readonly network: LabNetwork;
  /** Of `lab/vm`. */
  readonly directory: string;
  readonly imageDirectory: string;
  readonly logDirectory: string;
  /** The file in which the driver keeps the machines. */
  readonly machinesFile: string;
}

/** Everything that a machine asks at Hetzner, by name. */
export interface Services {
  readonly metadata: Service;
  readonly mirror: Service;
  readonly ntp: Service;
  readonly dns: Service;
  readonly dhcp: Service;
}

const START_SECONDS = 20;

class PythonService implements Service {
  private child?: ChildProcess;

  constructor(
    private readonly command: readonly string[],
    readonly log: string,
  ) {}

  async up(): Promise<void> {
    if (this.child && isRunning(this.child)) return;
    const log = openSync(this.log, "a");
    const env = { PATH: process.env.PATH, HOME: homedir(), PYTHONDONTWRITEBYTECODE: "1" };
    const child = spawnTied(this.command, { stdio: ["ignore", "pipe", log], env });
    closeSync(log);
    this.child = child;
    const ready = once(child.stdout!, "data");
    await Promise.race([ready, once(child, "exit"), sleep(START_SECONDS * 1000)]);
    if (!isRunning(child)) throw new Error(`${this.command.join(" ")} ended at once\n${readFileSync(this.log, "utf8")}`);
  }

  async down(): Promise<void> {
    if (this.child) await kill(this.child);
  }
}

/** Starts all of them. They die with this process. */
export async function startServices(props: ServicesProps): Promise<Services> {
  const { network, directory, imageDirectory, logDirectory, machinesFile } = props;
  const service = (name: string, place: readonly string[], ...words: string[]): Service => {
    return new PythonService([...place, "python3", join(directory, "services", `${name}.py`), ...words], join(logDirectory, `${name}.log`));
  };
  const cache = join(homedir(), ".cache", "triplicate", "debian-mirror");
  const services = {
    metadata: service("metadata", network.enter(), machinesFile),
    mirror: service("mirror", [], String(network.pid), join(imageDirectory, "mirrors"), cache),
    ntp: service("ntp", network.enter()),
    dns: service("dns", network.enter()),
    dhcp: service("dhcp", network.enter(), machinesFile),
  };
  await Promise.all(Object.values(services).map((one) => one.up()));
  return services;
}

/** Makes a port on loopback in the lab lead to the same one outside. */
export async function startRelay(props: Pick<ServicesProps, "network" | "directory" | "logDirectory">, port: number): Promise<Service> {
  const { network, directory, logDirectory } = props;
  const command = ["python3", join(directory, "services", "relay.py"), String(network.pid), String(port)];
  const relay = new PythonService(command, join(logDirectory, `relay-${port}.log`));
  await relay.up();
  return relay;
}
