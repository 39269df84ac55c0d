import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { App } from "cdktf";
import type { DriverVolume, ServerSnapshot } from "hetzner-local";
import { Environment } from "../../../config/environment";
import { LocalCloud, localToken, startLocalCloud } from "../../../rehearsal/cloud";
import { readCloudConfig } from "../../../rehearsal/cloud-config";
import { Deployed, Deployment } from "../../../rehearsal/deployment";
import { stacksInOrder } from "../../../rehearsal/synth";
import { repositoryRoot } from "../../../rehearsal/terraform";
import { addEnvironment } from "../../../stacks/environment";
import type { VmLab } from "../driver";
import { Change, describe } from "./description";
import { DIAL, FIRST_BOOT_PORTS } from "./ports";
import { eventually } from "./wait";

/** What the operator shows to health agents, as files. */
interface OperatorFiles {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** What a health agent answers. */
export interface AgentAnswer {
  /** The HTTP status; 0 if nobody answered. */
  readonly code: number;
  readonly body: string;
}

/** Ids of clones, above all that the API gives. */
const CLONE_ID = 90_000_000;

/** How often machines are asked while they come up. */
const OBSERVE_MS = 15_000;

/**
 * The suite's environment in a local cloud whose servers boot, changed step by step: each description is synthesized into
 * the same directories, as for somebody who edits it and deploys again.
 */
export class World {
  private readonly healthySince = new Map<string, number>();
  private readonly knocks = new Map<string, { ports: readonly number[]; times: number }>();
  private clones = 0;

  private constructor(
    public readonly directory: string,
    public readonly cloud: LocalCloud,
    public readonly lab: VmLab,
    /** Whether volumes are mirrors of two. */
    public readonly isMirrored: boolean,
  ) {}

  /** Starts an empty cloud, with the network and the services that machines need. */
  public static async start(isMirrored: boolean): Promise<World> {
    const parent = join(repositoryRoot(), ".triplicate");
    mkdirSync(parent, { recursive: true });
    const directory = mkdtempSync(join(parent, "lab-vm-"));
    const cloud = await startLocalCloud(join(directory, "cloud"), ["lab"], "vm");
    return new World(directory, cloud, cloud.lab as unknown as VmLab, isMirrored);
  }

  /** Ends every machine, and forgets all of it. */
  public async close(): Promise<void> {
    await this.cloud.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Synthesizes the changed description; what it gives deploys it. */
  public deployment(change?: Change): Deployment {
    const environment: Environment = describe(change, this.isMirrored);
    const outdir = join(this.directory, "cdktf.out");
    const state = join(this.directory, "state");
    for (const folder of [outdir, state]) mkdirSync(folder, { recursive: true });
    const app = new App({ outdir });
    addEnvironment(app, environment, { localState: { directory: state } });
    app.synth();
    return new Deployment(stacksInOrder(outdir), this.cloud.environment, this.cloud.enter);
  }

  /** Deploys one stack of a changed description; throws with Terraform's words unless it was applied or there was nothing to do. */
  public async deploy(stack: string, change?: Change, variables: Readonly<Record<string, string>> = {}): Promise<Deployed> {
    const deployed = await this.deployment(change).deploy(`lab-${stack}`, variables);
    if (deployed.outcome !== "applied" && deployed.outcome !== "unchanged") throw new Error(`lab-${stack} ${deployed.outcome}:\n${deployed.output}`);
    return deployed;
  }

  /** The machines that there are. */
  public machines(): readonly ServerSnapshot[] {
    return this.cloud.api.snapshot("lab").servers;
  }

  public machine(name: string): ServerSnapshot {
    const found = this.machines().find((machine) => machine.name === name);
    if (!found) throw new Error(`there is no machine '${name}'`);
    return found;
  }

  /** The exact user_data that the API received for a machine. */
  public userData(name: string): string {
    return this.lab.serverOf(name).userData;
  }

  /** The ids of a machine's volumes, in the order in which they were made. */
  public async volumeIds(machine: string): Promise<number[]> {
    const volumes = await this.volumes();
    return volumes.filter(({ name }) => name.startsWith(`${machine}-`)).map(({ id }) => id);
  }

  /** Runs a command as root in a machine; throws unless it ends well. What it prints, without the last newline. */
  public async run(machine: string, command: string, timeoutSeconds = 120): Promise<string> {
    const { exitCode, stdout, stderr } = await this.lab.exec(machine, command, { timeoutSeconds });
    if (exitCode !== 0) throw new Error(`${machine}: ${command}\nexit ${exitCode}\n${stdout}${stderr}`);
    return stdout.trimEnd();
  }

  /** Asks a machine's health agent as the operator does, from outside. */
  public async ask(machine: string, path: string): Promise<AgentAnswer> {
    const { ca, certificate, key } = this.operator();
    const { publicIpv4 } = this.machine(machine);
    const secured = ["--cacert", ca, "--cert", certificate, "--key", key];
    const limits = ["--silent", "--max-time", "20", "--write-out", "\n%{http_code}"];
    const { stdout } = await this.lab.run(["curl", ...limits, ...secured, `https://${publicIpv4}:9443${path}`], { source: "operator" });
    const lines = stdout.trimEnd().split("\n");
    return { code: Number(lines.pop()), body: lines.join("\n") };
  }

  /** Asks a machine's own agent about itself, from inside: workers answer nobody outside. */
  public async member(machine: string): Promise<AgentAnswer> {
    const tls = "/run/triplicate/tls";
    const own = "$(python3 -c 'import json; print(json.load(open(\"/etc/triplicate/machine.json\"))[\"address\"])')";
    const secured = `--cacert ${tls}/ca.pem --cert ${tls}/machine.pem --key ${tls}/machine.key`;
    const { stdout } = await this.lab.exec(machine, `curl --silent --max-time 20 --write-out '\n%{http_code}' ${secured} https://${own}:9443/member`);
    const lines = stdout.trimEnd().split("\n");
    return { code: Number(lines.pop()), body: lines.join("\n") };
  }

  /** Waits until a machine says that it is well; throws with what it said last. */
  public async healthy(machine: string, timeoutSeconds = 600): Promise<void> {
    await eventually(
      () => this.ask(machine, "/member"),
      ({ code, body }) => code === 200 && (JSON.parse(body) as { status: string }).status === "healthy",
      { timeoutSeconds, what: `${machine} to be healthy` },
    );
  }

  /** Reboots a machine through the API, as an operator would in the console. */
  public async reboot(machine: string): Promise<void> {
    await this.lab.driver.reboot(this.lab.serverOf(machine));
  }

  /** Pulls a volume out of a running machine, as a failing disk would go: nobody was asked. */
  public async pull(machine: string, volumeId: number): Promise<void> {
    await this.lab.driver.detachVolume(this.lab.serverOf(machine), await this.volume(volumeId));
  }

  /** Puts it back. */
  public async plug(machine: string, volumeId: number): Promise<void> {
    await this.lab.driver.attachVolume(this.lab.serverOf(machine), await this.volume(volumeId));
  }

  /**
   * Boots a machine like one that there is, in its place: that one is off meanwhile. With a user_data of its own, if given.
   */
  public async withClone<T>(machine: string, act: (name: string) => Promise<T>, userData?: string): Promise<T> {
    const original = this.lab.serverOf(machine);
    const wasOn = this.lab.isOn(machine);
    if (wasOn) await this.lab.driver.powerOff(original);
    this.clones += 1;
    const name = `clone-${this.clones}`;
    const clone = { ...original, id: CLONE_ID + this.clones, name, userData: userData ?? original.userData, privateNics: [], volumes: [] };
    await this.lab.driver.create(clone);
    try {
      for (const nic of this.lab.nicsOf(machine)) await this.lab.driver.attachNic(clone, nic);
      return await act(name);
    } finally {
      await this.lab.driver.delete(clone);
      if (wasOn) await this.lab.driver.powerOn(original);
    }
  }

  /** Notes when each machine was first well, and what it answers the world until then, while a piece of work is under way. */
  public async observing<T>(work: Promise<T>): Promise<T> {
    const timer = setInterval(() => {
      for (const { name, publicIpv4 } of this.machines()) {
        if (this.healthySince.has(name)) continue;
        void this.observe(name);
        if (publicIpv4) void this.knock(name, publicIpv4);
      }
    }, OBSERVE_MS);
    return work.finally(() => clearInterval(timer));
  }

  /** The ports that answered the world while the machine booted for the first time, and how often all were tried. */
  public answeredWorld(machine: string): { readonly ports: readonly number[]; readonly times: number } {
    return this.knocks.get(machine) ?? { ports: [], times: 0 };
  }

  /** When a machine was first seen well, in milliseconds of this computer's clock. */
  public firstHealthy(machine: string): number | undefined {
    return this.healthySince.get(machine);
  }

  /** Notes, until the returned function is called, whether a volume was still in use when the API detached it. */
  public watchDetaching(): () => { readonly volumeId: number; readonly isHeld: boolean }[] {
    const seen: { volumeId: number; isHeld: boolean }[] = [];
    const { driver } = this.lab;
    const detach = driver.detachVolume;
    driver.detachVolume = async (server, volume) => {
      const holders = `ls -A /sys/class/block/$(basename $(readlink -f /dev/disk/by-id/scsi-0HC_Volume_${volume.id}))/holders`;
      const isHeld = this.lab.isOn(server.name) && (await this.lab.exec(server.name, holders)).stdout.trim() !== "";
      seen.push({ volumeId: volume.id, isHeld });
      await detach(server, volume);
    };
    return () => {
      driver.detachVolume = detach;
      return seen;
    };
  }

  /** Asks machines for their health all the time, until the returned function is called: how many were down at the same time. */
  public watchHealth(machines: readonly string[]): () => Promise<{ samples: number; mostDown: number }> {
    let [samples, mostDown, isOver] = [0, 0, false];
    const watching = (async () => {
      while (!isOver) {
        const answers = await Promise.all(machines.map((machine) => this.ask(machine, "/member").catch(() => ({ code: 0, body: "" }))));
        const down = answers.filter(({ code, body }) => code !== 200 || !body.includes('"healthy"')).length;
        samples += 1;
        mostDown = Math.max(mostDown, down);
        await sleep(1000);
      }
    })();
    return async () => {
      isOver = true;
      await watching;
      return { samples, mostDown };
    };
  }

  /** Makes first boots fail from now on, or no longer: the package mirror is gone. */
  public async breakBoots(isBroken: boolean): Promise<void> {
    await (isBroken ? this.lab.services.mirror.down() : this.lab.services.mirror.up());
  }

  /** Every secret that is in a machine's user_data now, by the path of its file. */
  public secrets(machine: string): Readonly<Record<string, string>> {
    const { files } = readCloudConfig(this.userData(machine));
    const secret = files.filter(({ path }) => /key|password|token/.test(path) && path.startsWith("/run/"));
    return Object.fromEntries(secret.map(({ path, content }) => [path, content.toString().trim()]));
  }

  /** The outputs of a stack's state, secrets included. */
  public outputs(stack: string): Readonly<Record<string, unknown>> {
    const state = JSON.parse(readFileSync(join(this.directory, "state", `lab-${stack}.tfstate`), "utf8")) as {
      outputs: Record<string, { value: unknown }>;
    };
    return Object.fromEntries(Object.entries(state.outputs).map(([name, { value }]) => [name, value]));
  }

  private async volumes(): Promise<{ id: number; name: string; size: number }[]> {
    const response = await fetch(`${this.cloud.api.url}/volumes?per_page=50`, { headers: { Authorization: `Bearer ${localToken("lab")}` } });
    return ((await response.json()) as { volumes: { id: number; name: string; size: number }[] }).volumes;
  }

  /** A volume as large as it is now: a smaller one would cut its end off. */
  private async volume(volumeId: number): Promise<DriverVolume> {
    const { id, name, size } = (await this.volumes()).find((volume) => volume.id === volumeId)!;
    return { id, name, sizeGb: size };
  }

  private async observe(machine: string): Promise<void> {
    const { code, body } = await this.ask(machine, "/member").catch(() => ({ code: 0, body: "" }));
    if (code === 200 && body.includes('"healthy"') && !this.healthySince.has(machine)) this.healthySince.set(machine, Date.now());
  }

  private async knock(machine: string, address: string): Promise<void> {
    const { stdout, exitCode } = await this.lab.run(["python3", "-c", DIAL, address, ...FIRST_BOOT_PORTS.map(String)], { source: "world" });
    if (exitCode !== 0) return;
    const { ports, times } = this.answeredWorld(machine);
    const open = stdout.trim().split(/\s+/).filter(Boolean).map(Number);
    this.knocks.set(machine, { ports: [...new Set([...ports, ...open])], times: times + 1 });
  }

  private operator(): OperatorFiles {
    const { operator } = this.outputs("foundation").fsn1 as { operator: { trustBundle: string; certificate: string; privateKey: string } };
    const folder = join(this.directory, "operator");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const files = { ca: join(folder, "ca.pem"), certificate: join(folder, "operator.pem"), key: join(folder, "operator.key") };
    writeFileSync(files.ca, operator.trustBundle);
    writeFileSync(files.certificate, operator.certificate);
    writeFileSync(files.key, operator.privateKey, { mode: 0o600 });
    return files;
  }
}
