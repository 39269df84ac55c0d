import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { DriverNic, DriverServer, DriverVolume, ServerDriver } from "hetzner-local";

import { type CloudConfigFile, isCloudConfig, readCloudConfig } from "./cloud-config";

const STATES = ["healthy", "ill", "slow", "unreachable", "never-healthy"] as const;
const LEAVES = ["works", "fails", "hangs"] as const;
const AGENT = "/usr/local/lib/triplicate/health-agent.py";

/** How a machine behaves; belongs to the name, so that a replacement behaves like its predecessor. */
export interface Behaviour {
  /** `slow` is ill for some time after each start; `unreachable` answers to nobody. */
  readonly state: (typeof STATES)[number];
  /** What an ill machine says. @default "made ill" */
  readonly reason?: string;
  /** @default "works" */
  readonly leave?: (typeof LEAVES)[number];
  /** How long `slow` lasts, in whole seconds. @default 3 */
  readonly slowSeconds?: number;
}

/** Where machines live and what runs them. */
export interface SimulatedDriverProps {
  /** Holds a folder per machine; logs stay there after the machine is gone. Created if missing. */
  readonly directory: string;
  /** The Python that runs the agents. @default "python3" */
  readonly python?: string;
}

/** A driver whose machines run the health agent of their user_data and nothing else. */
export interface SimulatedDriver extends ServerDriver {
  /** Sets how the machines of a name behave from now on, whether they exist yet or not; see `Behaviour`. */
  control(serverName: string, behaviour: Readonly<Record<string, unknown>>): Promise<void>;
  /** Whether a volume may be taken from a server: it has left or is off. */
  mayDetach(server: DriverServer, volume: DriverVolume): Promise<boolean>;
  /** The process ids of all agents that run. */
  pids(): number[];
}

// Both read the behaviour at every run: how to leave, state, when it is ready, reason; one a line.
const CHECK = `#!/bin/sh
{ read -r _; read -r state; read -r ready; read -r reason; } < "$(dirname "$0")/../behaviour"
[ "$(date +%s)" -ge "$ready" ] || { echo "still starting"; exit 1; }
case "$state" in ill | never-healthy) echo "$reason"; exit 1 ;; esac
`;
const LEAVE_STEP = `#!/bin/sh
obey() { read -r leave < "$(dirname "$0")/../behaviour"; }
obey
while [ "$leave" = hangs ] && kill -0 "$PPID"; do sleep 0.2; obey; done
[ "$leave" = works ] || { echo "made to fail"; exit 1; }
`;

/** A simulated server: its folder, and its agent's process while it is on. */
class Machine {
  readonly root: string;
  isOn = false;
  private child?: ChildProcess;
  private started = 0;
  private readonly files: readonly CloudConfigFile[];

  constructor(
    readonly server: DriverServer,
    private readonly folder: string,
    private readonly python: string,
    private readonly routes: string,
    private behaviour: Behaviour,
  ) {
    this.root = join(folder, "root");
    this.files = isCloudConfig(server.userData) ? readCloudConfig(server.userData).files : [];
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** The first boot: cloud-init writes all files. */
  async create(): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
    this.write(this.files);
    writeProgram(join(this.folder, "checks", "10-simulated"), CHECK);
    writeProgram(join(this.folder, "leave-steps", "10-simulated"), LEAVE_STEP);
    await this.powerOn();
  }

  async powerOn(): Promise<void> {
    if (this.isOn) return;
    const volatile = this.files.filter(({ path }) => path.startsWith("/run/"));
    rmSync(join(this.root, "run"), { recursive: true, force: true });
    this.write(volatile);
    this.started = Math.floor(Date.now() / 1000);
    this.isOn = true;
    await this.obey(this.behaviour);
  }

  async powerOff(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.isOn = false;
    const child = this.child;
    if (child === undefined || !this.isRunning()) return;
    const ended = once(child, "exit");
    child.kill("SIGCONT");
    child.kill(signal);
    const patience = setTimeout(() => child.kill("SIGKILL"), 3000);
    await ended;
    clearTimeout(patience);
  }

  async delete(): Promise<void> {
    await this.powerOff();
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Behaves so from now on; the checks read the file, the rest is done to the process. */
  async obey(behaviour: Behaviour): Promise<void> {
    this.behaviour = behaviour;
    const ready = behaviour.state === "slow" ? this.started + (behaviour.slowSeconds ?? 3) : 0;
    const reason = (behaviour.reason ?? "made ill").replace(/\s+/g, " ");
    const lines = [behaviour.leave ?? "works", behaviour.state, ready, reason];
    replaceFile(join(this.folder, "behaviour"), `${lines.join("\n")}\n`);
    if (!this.isOn) return;
    if (behaviour.state === "unreachable") this.child?.kill("SIGSTOP");
    else if (this.isRunning()) this.child?.kill("SIGCONT");
    else await this.startAgent();
  }

  killNow(): void {
    this.child?.kill("SIGKILL");
  }

  isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  hasLeft(): boolean {
    const file = join(this.root, "run/triplicate/leave.json");
    if (!existsSync(file)) return false;
    return (JSON.parse(readFileSync(file, "utf8")) as { state: string }).state === "left";
  }

  private async startAgent(): Promise<void> {
    if (!this.files.some(({ path }) => path === AGENT)) return;
    const { name, publicIpv4 } = this.server;
    if (publicIpv4 === undefined) throw new Error(`server ${name} has no public IPv4 address for its agent to listen on`);
    const options = {
      root: this.root,
      listen: publicIpv4,
      routes: this.routes,
      checks: join(this.folder, "checks"),
      "leave-steps": join(this.folder, "leave-steps"),
    };
    const log = openSync(join(this.folder, "agent.log"), "a");
    try {
      const words = Object.entries(options).flatMap(([option, value]) => [`--${option}`, value]);
      const env = { PATH: process.env.PATH, HOME: process.env.HOME, PYTHONDONTWRITEBYTECODE: "1" };
      this.child = spawn(this.python, [join(this.root, AGENT), ...words], { cwd: this.folder, stdio: ["ignore", log, log], env });
      await once(this.child, "spawn");
    } catch (error) {
      this.child = undefined;
      throw new Error(`cannot run '${this.python}', which runs the health agents: ${(error as Error).message}`);
    } finally {
      closeSync(log);
    }
  }

  private write(files: readonly CloudConfigFile[]): void {
    mkdirSync(this.root, { recursive: true });
    for (const { path, mode, content } of files) {
      const target = join(this.root, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, content);
      chmodSync(target, mode);
    }
  }
}

/**
 * Makes a driver whose machines are processes: each runs the real health agent out of its exact user_data, at its public
 * address, which must be a loopback address. Checks and leave steps are simulated and obey `control`.
 *
 * Whoever makes one must close it; processes are also killed when this process exits by itself.
 */
export function simulatedDriver(props: SimulatedDriverProps): SimulatedDriver {
  const machines = new Map<string, Machine>();
  const behaviours = new Map<string, Behaviour>();
  const routes = new Map<string, Map<string, string>>();
  const routesFolder = join(props.directory, "routes");
  mkdirSync(routesFolder, { recursive: true });

  const keyOf = ({ project, id }: DriverServer): string => `${project}/${id}`;
  const routesFile = (project: string): string => join(routesFolder, `${encodeURIComponent(project)}.json`);
  const find = (server: DriverServer): Machine => {
    const machine = machines.get(keyOf(server));
    if (machine === undefined) throw new Error(`server ${server.name} (${server.id}) was not made by this driver`);
    return machine;
  };
  const change = (server: DriverServer, edit: (table: Map<string, string>) => void): void => {
    const table = routes.get(server.project) ?? new Map<string, string>();
    routes.set(server.project, table);
    edit(table);
    replaceFile(routesFile(server.project), JSON.stringify(Object.fromEntries(table)));
  };
  const attach = (server: DriverServer, { address }: DriverNic): void => {
    const { publicIpv4 } = server;
    if (publicIpv4 !== undefined) change(server, (table) => table.set(address, publicIpv4));
  };
  const killAll = (): void => machines.forEach((machine) => machine.killNow());
  process.on("exit", killAll);

  return {
    describes: "simulated: machines are processes of the real health agent on loopback addresses; no operating system is booted",
    async create(server) {
      if (!/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(server.name)) throw new Error(`'${server.name}' is not a host name`);
      const folder = join(props.directory, `${server.name}-${server.id}`);
      const behaviour = behaviours.get(server.name) ?? { state: "healthy" };
      const file = routesFile(server.project);
      const machine = new Machine(server, folder, props.python ?? "python3", file, behaviour);
      machines.set(keyOf(server), machine);
      for (const nic of server.privateNics) attach(server, nic);
      try {
        await machine.create();
      } catch (error) {
        machines.delete(keyOf(server));
        throw error;
      }
    },
    async delete(server) {
      change(server, (table) => {
        for (const [address, target] of table) if (target === server.publicIpv4) table.delete(address);
      });
      await machines.get(keyOf(server))?.delete();
      machines.delete(keyOf(server));
    },
    powerOn: (server) => find(server).powerOn(),
    powerOff: (server) => find(server).powerOff(),
    shutdown: (server) => find(server).powerOff("SIGTERM"),
    async reboot(server) {
      await find(server).powerOff("SIGTERM");
      await find(server).powerOn();
    },
    async attachVolume() {},
    async detachVolume() {},
    attachNic: async (server, nic) => attach(server, nic),
    detachNic: async (server, nic) => change(server, (table) => table.delete(nic.address)),
    async control(serverName, wanted) {
      const behaviour = readBehaviour(wanted);
      behaviours.set(serverName, behaviour);
      const named = [...machines.values()].filter(({ server }) => server.name === serverName);
      await Promise.all(named.map((machine) => machine.obey(behaviour)));
    },
    async mayDetach(server) {
      const machine = machines.get(keyOf(server));
      return machine === undefined || !machine.isOn || machine.hasLeft();
    },
    pids: () => [...machines.values()].flatMap((machine) => (machine.isRunning() ? (machine.pid ?? []) : [])),
    async close() {
      await Promise.all([...machines.values()].map((machine) => machine.powerOff()));
      process.off("exit", killAll);
    },
  };
}

/** Checks what came over a control interface, where nothing is typed. */
function readBehaviour(wanted: Readonly<Record<string, unknown>>): Behaviour {
  const { state = "healthy", reason, leave, slowSeconds, ...rest } = wanted;
  const refuse = (key: string, value: unknown, allowed: string): never => {
    throw new Error(`behaviour '${key}' is ${JSON.stringify(value)}; allowed: ${allowed}`);
  };
  const isOneOf = <Word extends string>(words: readonly Word[], value: unknown): value is Word => {
    return words.some((word) => word === value);
  };
  if (!isOneOf(STATES, state)) return refuse("state", state, STATES.join(", "));
  if (leave !== undefined && !isOneOf(LEAVES, leave)) return refuse("leave", leave, LEAVES.join(", "));
  if (reason !== undefined && typeof reason !== "string") return refuse("reason", reason, "a text");
  if (slowSeconds !== undefined && !(Number.isInteger(slowSeconds) && Number(slowSeconds) >= 0)) {
    return refuse("slowSeconds", slowSeconds, "whole seconds");
  }
  for (const key of Object.keys(rest)) refuse(key, wanted[key], "only state, reason, leave, slowSeconds");
  return { state, reason, leave, slowSeconds: slowSeconds === undefined ? undefined : Number(slowSeconds) };
}

function writeProgram(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

/** Replaces a file in one step: agents read it at any time. */
function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
