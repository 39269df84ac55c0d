import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import type { DriverNic } from "hetzner-local";

import { firewallTable, type Rules } from "./firewall";
import { isRunning, kill, runOrThrow, spawnTied } from "./process";

/** From where a program acts: as an operator (203.0.113.10), or as somebody on the internet (192.0.2.10). */
export type Source = "operator" | "world";

const OPERATOR = "203.0.113.10";

/** The lab's network namespaces, held by a process that dies with this one. */
export class LabNetwork {
  private readonly rules = new Map<string, Rules>();
  private readonly owners = new Map<string, number>();
  private changes: Promise<unknown> = Promise.resolve();
  private taps = 0;

  private constructor(
    private readonly holder: ChildProcess,
    private readonly worldPid: string,
  ) {}

  /** @param directory Of this file's scripts. */
  static async start(directory: string): Promise<LabNetwork> {
    const command = ["unshare", "--net", "--", join(directory, "network.sh")];
    const holder = spawnTied(command, { stdio: ["pipe", "pipe", "inherit"] });
    const [worldPid] = await Promise.race([once(holder.stdout!, "data"), once(holder, "exit").then(() => [""])]);
    if (!isRunning(holder)) throw new Error("the lab's network cannot be made");
    return new LabNetwork(holder, String(worldPid).trim());
  }

  /** By which process others find the namespace. */
  get pid(): number {
    return this.holder.pid!;
  }

  /** The words before a command that make it run inside. */
  enter(source: Source = "operator"): string[] {
    const pid = source === "world" ? this.worldPid : this.pid;
    return ["nsenter", `--net=/proc/${pid}/ns/net`, "--"];
  }

  /** A NIC's end on the lab's side, isolated from all others. */
  async addTap(side: "public" | "private"): Promise<string> {
    const tap = `${side}${++this.taps}`;
    const mtu = side === "private" ? 1450 : 1500;
    await this.ip([
      `tuntap add dev ${tap} mode tap`,
      `link set dev ${tap} mtu ${mtu} master ${side} up`,
      `link set dev ${tap} type bridge_slave isolated on`,
    ]);
    return tap;
  }

  async deleteTap(tap: string): Promise<void> {
    await this.ip([`link delete dev ${tap}`]);
  }

  /** A public address that lies behind the public bridge; nothing filters it yet. Two machines may have it, of which one is off. */
  async addPublic(address: string): Promise<void> {
    const owners = this.owners.get(address) ?? 0;
    this.owners.set(address, owners + 1);
    if (owners > 0) return;
    await this.ip([`route replace ${address}/32 dev public src ${OPERATOR}`]);
    await this.filter(address, undefined);
  }

  async deletePublic(address: string): Promise<void> {
    const owners = this.owners.get(address)! - 1;
    this.owners.set(address, owners);
    if (owners > 0) return;
    await this.ip([`route delete ${address}/32 dev public`]);
    await this.filter(address, undefined);
  }

  /** The gateway of a private network, which is there from its first NIC on. */
  async addPrivateNetwork({ gateway, networkRange }: DriverNic): Promise<void> {
    await this.ip([`address replace ${gateway}/${networkRange.split("/")[1]} dev private`]);
  }

  /** Replaces all rules in one step. */
  async filter(address: string, rules: Rules): Promise<void> {
    const change = this.changes.then(async () => {
      const wanted = new Map(this.rules).set(address, rules);
      await runOrThrow([...this.enter(), "nft", "-f", "-"], { input: firewallTable(wanted) });
      this.rules.set(address, rules);
    });
    this.changes = change.catch(() => undefined);
    await change;
  }

  /** Lifts the rules of an address while something is done. */
  async withoutFilter<T>(address: string, act: () => Promise<T>): Promise<T> {
    const rules = this.rules.get(address);
    await this.filter(address, undefined);
    try {
      return await act();
    } finally {
      await this.filter(address, rules);
    }
  }

  async close(): Promise<void> {
    await kill(this.holder);
  }

  private async ip(lines: readonly string[]): Promise<void> {
    await runOrThrow([...this.enter(), "ip", "-batch", "-"], { input: `${lines.join("\n")}\n` });
  }
}
