/** A local, stateful Hetzner Cloud API with real semantics: see the README for what is real and what is simulated. */
import type { FastifyInstance } from "fastify";
import type { AddressInfo } from "node:net";
import { ActionRunner } from "./actions";
import { claimLoopback, DEFAULT_LOCK_PORT } from "./addresses";
import { Controls, type Fault, type LoggedRequest } from "./control";
import { controlServer, requireProject } from "./control-routes";
import type { ServerDriver } from "./driver";
import { MachineFirewalls } from "./machine-firewalls";
import { noneDriver } from "./none-driver";
import { restoreMachines } from "./restore";
import { createApp } from "./server";
import { snapshotOf, type Snapshot } from "./snapshot";
import { State } from "./state";
import type { MayDetach, World } from "./world";

export type { DriverFirewallRule, DriverNic, DriverServer, DriverVolume, ServerDriver } from "./driver";
export type { Fault, LoggedRequest } from "./control";
export type { LoadBalancerSnapshot, ServerSnapshot, Snapshot } from "./snapshot";
export type { MayDetach } from "./world";
export { noneDriver } from "./none-driver";

/** How an instance is started. */
export interface HetznerLocalOptions {
  /** TCP port of the API. @default 0 - any free one */
  readonly port?: number;
  /** TCP port that marks a loopback range as claimed; must be the same for all instances. @default 20404 */
  readonly lockPort?: number;
  /**
   * CIDR that public IPv4 addresses are taken from, `198.18.0.0/16`: for a driver whose machines have a network of their own.
   * Its first 16 addresses are left to the driver. The API then listens on `127.0.0.1`.
   *
   * @default - a loopback range of its own, 127.X.0.0/16
   */
  readonly publicRange?: string;
  /** What servers do. @default noneDriver */
  readonly driver?: ServerDriver;
  /** Milliseconds that an action takes at least, before the driver's work. @default 50 */
  readonly actionDelayMs?: number;
  /** Project name → token of exactly 64 characters. Unknown tokens get an empty project named by a hash. @default {} */
  readonly projects?: Readonly<Record<string, string>>;
  /** JSON file that keeps the state over restarts; it holds user_data, so keep it private. @default - in memory only */
  readonly stateFile?: string;
  /** Whether the driver makes the machines of running servers again after a load. @default true */
  readonly restart?: boolean;
  /** Refuse to take volumes from running servers, and to delete such servers. Hetzner allows both. @default true */
  readonly strictVolumes?: boolean;
  /** Refuse to delete networks with something attached. Hetzner detaches it. @default true */
  readonly strictNetworks?: boolean;
  /** In strict mode: whether a running machine has let go of a volume. @default - never */
  readonly mayDetach?: MayDetach;
}

/** A running instance. */
export interface HetznerLocal {
  /** For `HCLOUD_ENDPOINT`, e.g. `http://127.64.0.1:40123/v1`. */
  readonly url: string;
  /** Without path: `${origin}/_control/…` are the controls. */
  readonly origin: string;
  /** The range of the public addresses, e.g. `127.64.0.0/16`, or the one that was asked for. */
  readonly publicRange: string;
  /** What is real about the machines, from the driver. */
  readonly describes: string;
  /** The mutating requests so far, in order of arrival. */
  requests(): readonly LoggedRequest[];
  clearRequests(): void;
  setLocationAvailable(location: string, isAvailable: boolean): void;
  setServerTypeAvailable(serverType: string, location: string, isAvailable: boolean): void;
  addFault(fault: Fault): void;
  /** Passes a behaviour to the driver. */
  control(project: string, serverName: string, behaviour: Readonly<Record<string, unknown>>): Promise<void>;
  /** What a project holds; throws if there is no such project. */
  snapshot(project: string): Snapshot;
  /** The names of all projects, unnamed tokens' included. */
  projects(): readonly string[];
  /** Waits until no action runs. */
  settle(): Promise<void>;
  /** Stops listening, waits for actions, ends every machine. */
  close(): Promise<void>;
}

/** Starts an instance, on a loopback range of its own unless its addresses are from elsewhere. */
export async function startHetznerLocal(options: HetznerLocalOptions = {}): Promise<HetznerLocal> {
  const world = createWorld(options);
  const { state } = world;
  const hasOwnRange = options.publicRange === undefined;
  const { app, release } = hasOwnRange ? await listenOnOwnRange(world, options) : await listenOnHost(world, options, "127.0.0.1");
  restoreMachines(world, options.restart ?? true);
  state.save();
  const close = async (): Promise<void> => {
    try {
      await app.close();
      await world.actions.settle();
      await world.driver.close();
      state.save();
    } finally {
      await release();
    }
  };
  return instance(world, app.server.address() as AddressInfo, close);
}

/** The API, and what it gives back at its end. */
interface Listening {
  readonly app: FastifyInstance;
  release(): Promise<void>;
}

async function listenOnOwnRange(world: World, options: HetznerLocalOptions): Promise<Listening> {
  const listening: FastifyInstance[] = [];
  const claim = await claimLoopback(options.lockPort ?? DEFAULT_LOCK_PORT, world.state.octet, async (host) => {
    listening.push((await listenOnHost(world, options, host)).app);
  });
  world.state.octet = claim.octet;
  return { app: listening[0], release: () => claim.release() };
}

async function listenOnHost(world: World, options: HetznerLocalOptions, host: string): Promise<Listening> {
  const app = createApp(world);
  await app.listen({ host, port: options.port ?? 0 });
  return { app, release: () => Promise.resolve() };
}

function createWorld(options: HetznerLocalOptions): World {
  const state = new State({ projects: options.projects ?? {}, file: options.stateFile, publicRange: options.publicRange });
  const driver = options.driver ?? noneDriver;
  return {
    state,
    actions: new ActionRunner(options.actionDelayMs ?? 50, () => state.nextId(), () => state.save()),
    driver,
    controls: new Controls(),
    firewalls: new MachineFirewalls(driver),
    rules: {
      strictVolumes: options.strictVolumes ?? true,
      strictNetworks: options.strictNetworks ?? true,
      mayDetach: options.mayDetach,
    },
  };
}

function instance(world: World, { address, port }: AddressInfo, stop: () => Promise<void>): HetznerLocal {
  const { controls, state, actions } = world;
  const origin = `http://${address}:${port}`;
  let closing: Promise<void> | undefined;
  return {
    url: `${origin}/v1`,
    origin,
    publicRange: state.addresses.cidr,
    describes: world.driver.describes,
    requests: () => controls.requests(),
    clearRequests: () => controls.clearRequests(),
    setLocationAvailable: (location, isAvailable) => controls.setLocationAvailable(location, isAvailable),
    setServerTypeAvailable: (type, location, isAvailable) => controls.setServerTypeAvailable(type, location, isAvailable),
    addFault: (fault) => controls.addFault(fault),
    control: (project, serverName, behaviour) => controlServer(world, project, serverName, behaviour),
    snapshot: (project) => snapshotOf(requireProject(world, project)),
    projects: () => state.allProjects().map((project) => project.name),
    settle: () => actions.settle(),
    close: () => (closing ??= stop()),
  };
}
