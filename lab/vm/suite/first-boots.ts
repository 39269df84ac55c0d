import { isHealthy } from "./agents";
import { dialed, FIRST_BOOT_PORTS } from "./ports";
import type { World } from "./world";

/** How often machines are asked while they come up. */
const OBSERVE_MS = 15_000;

/** What is seen of first boots from outside, while they are under way. */
export class FirstBoots {
  private readonly healthySince = new Map<string, number>();
  private readonly knocks = new Map<string, { ports: readonly number[]; times: number }>();

  constructor(private readonly world: World) {}

  /** Notes when each machine was first well, and what it answers the world until then, while a piece of work is under way. */
  public async during<T>(work: Promise<T>): Promise<T> {
    const timer = setInterval(() => {
      for (const { name, publicIpv4 } of this.world.machines()) {
        if (this.healthySince.has(name)) continue;
        void this.ask(name);
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
  public healthyAt(machine: string): number | undefined {
    return this.healthySince.get(machine);
  }

  private async ask(machine: string): Promise<void> {
    const isWell = await this.world.agents.ask(machine, "/member").then(isHealthy).catch(() => false);
    if (isWell && !this.healthySince.has(machine)) this.healthySince.set(machine, Date.now());
  }

  private async knock(machine: string, address: string): Promise<void> {
    const open = await dialed(this.world, address, FIRST_BOOT_PORTS, "world").catch(() => undefined);
    if (!open) return;
    const { ports, times } = this.answeredWorld(machine);
    this.knocks.set(machine, { ports: [...new Set([...ports, ...open])], times: times + 1 });
  }
}
