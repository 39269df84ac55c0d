/** One project: Hetzner's unit of isolation. A token opens exactly one. */
import { KINDS, type Action, type Entity, type Kind, type Tables } from "./model";

/** A project as it is written to the state file. */
export interface StoredProject {
  readonly tables: { readonly [K in Kind]?: readonly Tables[K][] };
  readonly actions: readonly Action[];
}

/** Actions that a project remembers; older ones are forgotten, as on Hetzner. */
const MAX_ACTIONS = 2000;

export class Project {
  readonly actions = new Map<number, Action>();
  private readonly tables: { [K in Kind]: Map<number, Tables[K]> };

  constructor(readonly name: string) {
    this.tables = Object.fromEntries(KINDS.map((kind) => [kind, new Map()])) as unknown as Project["tables"];
  }

  /** The records of a kind, in order of creation. */
  all<K extends Kind>(kind: K): Tables[K][] {
    return [...this.tables[kind].values()];
  }

  get<K extends Kind>(kind: K, id: number): Tables[K] | undefined {
    return this.tables[kind].get(id);
  }

  add<K extends Kind>(kind: K, entity: Tables[K]): Tables[K] {
    (this.tables[kind] as Map<number, Entity>).set(entity.id, entity);
    return entity;
  }

  remove(kind: Kind, id: number): void {
    this.tables[kind].delete(id);
  }

  addAction(action: Action): void {
    this.actions.set(action.id, action);
    if (this.actions.size <= MAX_ACTIONS) return;
    const oldest = [...this.actions.values()].find((item) => item.status !== "running");
    if (oldest !== undefined) this.actions.delete(oldest.id);
  }

  toStored(): StoredProject {
    const tables = Object.fromEntries(KINDS.map((kind) => [kind, this.all(kind)]));
    return { tables, actions: [...this.actions.values()] };
  }

  static fromStored(name: string, stored: StoredProject): Project {
    const project = new Project(name);
    for (const kind of KINDS) {
      for (const entity of stored.tables[kind] ?? []) project.add(kind, entity as Tables[typeof kind]);
    }
    for (const action of stored.actions) project.addAction(action);
    return project;
  }
}
