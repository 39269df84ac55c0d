/**
 * Actions: what the API has promised and not yet done.
 *
 * Each starts as `running` and ends after a delay plus the driver's work. While one runs, its resources are locked. Servers, volumes
 * and primary IPs then answer `locked`; networks, load balancers and firewalls answer `conflict`, as the reference says of
 * concurrent changes (hcloud-go retries `conflict` by itself). Zones are never locked: the provider starts two at once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { apiError, messageOf } from "./errors";
import type { Action, Ref } from "./model";
import type { Project } from "./project";

/** What to do, and on what. */
export interface Plan {
  readonly command: string;
  readonly resources: readonly Ref[];
  /** Resources that no other action may use meanwhile. @default all of `resources` */
  readonly locks?: readonly Ref[];
  /** The work; a rejection makes the action end in `error`. */
  readonly run?: () => Promise<void> | void;
  /** Takes back what was recorded before the action started; called after a rejection. */
  readonly undo?: () => void;
  /** An action that must have succeeded first; this one then belongs to it and ignores its locks. */
  readonly after?: Action;
}

const CONFLICTING = new Set(["network", "load_balancer", "firewall"]);
const NEVER_LOCKED = new Set(["zone", "placement_group"]);

/** Starts actions, holds their locks, waits for all of them at the end. */
export class ActionRunner {
  private readonly holders = new Map<string, Set<number>>();
  private readonly pending = new Map<number, Promise<void>>();

  constructor(
    /** Milliseconds that an action takes at least. */
    private readonly delayMs: number,
    private readonly nextId: () => number,
    private readonly changed: () => void,
  ) {}

  isLocked(ref: Ref): boolean {
    return (this.holders.get(keyOf(ref))?.size ?? 0) > 0;
  }

  /** Refuses if another action uses the resource. */
  assertFree(ref: Ref): void {
    if (!this.isLocked(ref)) return;
    if (CONFLICTING.has(ref.type)) throw apiError("conflict", `${ref.type} ${ref.id} is being changed by another action, retry`);
    throw apiError("locked", `${ref.type} ${ref.id} is locked: another action is running`);
  }

  start(project: Project, plan: Plan): Action {
    const locks = (plan.locks ?? plan.resources).filter((ref) => !NEVER_LOCKED.has(ref.type));
    if (plan.after === undefined) locks.forEach((ref) => this.assertFree(ref));
    const action = newAction(this.nextId(), plan);
    project.addAction(action);
    locks.forEach((ref) => this.hold(ref, action.id));
    const before = plan.after === undefined ? undefined : { action: plan.after, ended: this.pending.get(plan.after.id) };
    this.pending.set(action.id, this.execute(action, plan, locks, before));
    return action;
  }

  /** Work that no action covers (a machine that is shutting down): waited for at the end, its failure is the caller's. */
  inBackground(work: Promise<void>): void {
    const id = -this.nextId();
    this.pending.set(id, work.catch(() => undefined).finally(() => this.pending.delete(id)));
  }

  /** Waits until nothing runs any more. */
  async settle(): Promise<void> {
    while (this.pending.size > 0) await Promise.all(this.pending.values());
  }

  private async execute(
    action: Action, plan: Plan, locks: readonly Ref[], before: { action: Action; ended: Promise<void> | undefined } | undefined,
  ): Promise<void> {
    try {
      await before?.ended;
      if (before?.action.status === "error") throw new Error(`action '${before.action.command}' before it failed`);
      await sleep(this.delayMs);
      await plan.run?.();
      Object.assign(action, { status: "success", progress: 100 });
    } catch (error) {
      plan.undo?.();
      Object.assign(action, { status: "error", error: { code: "action_failed", message: messageOf(error) } });
    } finally {
      action.finished = new Date().toISOString();
      locks.forEach((ref) => this.letGo(ref, action.id));
      this.pending.delete(action.id);
      this.changed();
    }
  }

  private hold(ref: Ref, id: number): void {
    const key = keyOf(ref);
    this.holders.set(key, (this.holders.get(key) ?? new Set()).add(id));
  }

  private letGo(ref: Ref, id: number): void {
    const holders = this.holders.get(keyOf(ref));
    holders?.delete(id);
    if (holders?.size === 0) this.holders.delete(keyOf(ref));
  }
}

function newAction(id: number, plan: Plan): Action {
  const { command, resources } = plan;
  return { id, command, status: "running", progress: 0, started: new Date().toISOString(), finished: null, resources, error: null };
}

function keyOf(ref: Ref): string {
  return `${ref.type}/${ref.id}`;
}
