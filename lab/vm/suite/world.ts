import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { App } from "cdktf";
import type { DriverVolume, ServerSnapshot } from "hetzner-local";
import { defineEnvironment, EnvironmentInput } from "../../../config/environment";
import { Slot, slots } from "../../../config/topology";
import { Host } from "../../../constructs/host/host";
import { LocalCloud, localToken, startLocalCloud } from "../../../rehearsal/cloud";
import { readCloudConfig } from "../../../rehearsal/cloud-config";
import { firstError } from "../../../rehearsal/progress";
import { Deployed, Deployment } from "../../../rehearsal/deployment";
import { stacksInOrder } from "../../../rehearsal/synth";
import { repositoryRoot } from "../../../rehearsal/terraform";
import { addEnvironment } from "../../../stacks/environment";
import type { VmLab } from "../driver";
import { Agents } from "./agents";
import type { Change } from "./description";
import { FirstBoots } from "./first-boots";

/** Ids of clones, above all that the API gives. */
const CLONE_ID = 90_000_000;

/**
 * The suite's environment in a local cloud whose servers boot, changed step by step: each description is synthesized into
 * the same directories, as for somebody who edits it and deploys again.
 */
export class World {
  public readonly agents = new Agents(this);
  public readonly firstBoots = new FirstBoots(this);
  private clones = 0;

  private constructor(
    public readonly directory: string,
    public readonly cloud: LocalCloud,
    public readonly lab: VmLab,
    private description: EnvironmentInput,
  ) {}

  /** Starts an empty cloud, with the network and the services that machines need. */
  public static async start(description: EnvironmentInput): Promise<World> {
    const parent = join(repositoryRoot(), ".triplicate");
    mkdirSync(parent, { recursive: true });
    const directory = mkdtempSync(join(parent, "lab-vm-"));
    const cloud = await startLocalCloud(join(directory, "cloud"), ["lab"], "vm");
    return new World(directory, cloud, cloud.lab as unknown as VmLab, description);
  }

  /** Ends every machine, and forgets all of it. */
  public async close(): Promise<void> {
    await this.cloud.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Changes the description, for all that is deployed from now on. */
  public describe(change: Change): void {
    this.description = change(this.description);
  }

  /** Synthesizes the description as it is now, with something done to each host that it has; what it gives deploys it. */
  public deployment(alter: (host: Host) => void = () => undefined): Deployment {
    const outdir = join(this.directory, "cdktf.out");
    const state = join(this.directory, "state");
    for (const folder of [outdir, state]) mkdirSync(folder, { recursive: true });
    const app = new App({ outdir });
    addEnvironment(app, defineEnvironment(this.description), { localState: { directory: state } });
    app.node.findAll().filter((construct) => construct instanceof Host).forEach(alter);
    app.synth();
    return new Deployment(stacksInOrder(outdir), this.cloud.environment, this.cloud.enter);
  }

  /** Deploys one stack; throws with Terraform's words unless it was applied or there was nothing to do. */
  public async deploy(stack: string, ...options: string[]): Promise<Deployed> {
    const deployed = await this.deployment().deploy(`lab-${stack}`, {}, ...options);
    if (deployed.outcome !== "applied" && deployed.outcome !== "unchanged") throw new Error(`lab-${stack} ${deployed.outcome}:\n${firstError(deployed.output)}`);
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

  /** The place that a machine has, by name. */
  public slot(machine: string): Slot {
    return slots(defineEnvironment(this.description)).find(({ name }) => name === machine)!;
  }

  /** The volumes that a machine has by the description. */
  public describedVolumes(machine: string): readonly { readonly mirrored?: boolean }[] {
    return this.description.pools[this.slot(machine).role]?.volumes ?? [];
  }

  /** The exact user_data that the API received for a machine. */
  public userData(name: string): string {
    return this.lab.serverOf(name).userData;
  }

  /** The ids of a machine's volumes, in the order of their names. */
  public async volumeIds(machine: string): Promise<number[]> {
    const volumes = await this.volumes();
    const own = volumes.filter(({ name }) => name.startsWith(`${machine}-`));
    return own.sort((a, b) => a.name.localeCompare(b.name)).map(({ id }) => id);
  }

  /** Runs a command as root in a machine; throws unless it ends well. What it prints, without the last newline. */
  public async run(machine: string, command: string, timeoutSeconds = 120): Promise<string> {
    const { exitCode, stdout, stderr } = await this.lab.exec(machine, command, { timeoutSeconds });
    if (exitCode !== 0) throw new Error(`${machine}: ${command}\nexit ${exitCode}\n${stdout}${stderr}`);
    return stdout.trimEnd();
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
   * Boots a machine like one that there is, in its place, with its volumes: that one is off meanwhile. With a user_data of
   * its own, if given.
   */
  public async withClone<T>(machine: string, act: (name: string) => Promise<T>, userData?: string): Promise<T> {
    const original = this.lab.serverOf(machine);
    await this.lab.driver.powerOff(original);
    this.clones += 1;
    const id = CLONE_ID + this.clones;
    const volumes = await Promise.all((await this.volumeIds(machine)).map((volumeId) => this.volume(volumeId)));
    const clone = { ...original, id, name: `clone-${this.clones}`, userData: userData ?? original.userData, privateNics: [], volumes };
    await this.lab.driver.create(clone);
    try {
      for (const nic of this.lab.nicsOf(machine)) await this.lab.driver.attachNic(clone, nic);
      return await act(clone.name);
    } finally {
      await this.lab.driver.delete(clone);
      await this.lab.driver.powerOn(original);
    }
  }

  /**
   * Puts blank disks in place of a machine's volumes while something is done that leaves the machine off, or boots others
   * instead of it. The machine is off meanwhile.
   */
  public async withBlankDisks<T>(machine: string, act: (files: readonly string[]) => Promise<T>): Promise<T> {
    const volumes = await Promise.all((await this.volumeIds(machine)).map((id) => this.volume(id)));
    const files = volumes.map(({ id }) => this.lab.volumeFile(id));
    await this.lab.driver.powerOff(this.lab.serverOf(machine));
    volumes.forEach(({ sizeGb }, index) => {
      renameSync(files[index], `${files[index]}.kept`);
      writeFileSync(files[index], "");
      truncateSync(files[index], sizeGb * 1024 ** 3);
    });
    try {
      return await act(files);
    } finally {
      await this.lab.driver.powerOff(this.lab.serverOf(machine));
      for (const file of files) renameSync(`${file}.kept`, file);
      await this.lab.driver.powerOn(this.lab.serverOf(machine));
    }
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
}
