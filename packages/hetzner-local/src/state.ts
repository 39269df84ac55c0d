/** All projects, the counters, and the file they are kept in. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Project, type StoredProject } from "./project";

interface StoredState {
  readonly version: 1;
  readonly octet: number;
  readonly lastId: number;
  readonly addresses: number;
  readonly projects: Readonly<Record<string, StoredProject>>;
}

/** Options of the state. */
export interface StateOptions {
  /** Project name → token. */
  readonly projects: Readonly<Record<string, string>>;
  /** JSON file to load from and write to; in memory only without it. */
  readonly file?: string;
}

/** Holds what the API knows; tokens are held only as hashes and never written. */
export class State {
  /** Second octet of the loopback range; known from the file, or once a range is claimed. */
  octet: number | undefined;
  private lastId = 1000;
  private addresses = 0;
  private readonly projects = new Map<string, Project>();
  private readonly names = new Map<string, string>();

  constructor(private readonly options: StateOptions) {
    for (const [name, token] of Object.entries(options.projects)) this.nameToken(name, token);
    this.load();
  }

  /** The project that a token opens; an unknown token gets an empty one, named by a hash of it. */
  projectOf(token: string): Project {
    const hash = hashOf(token);
    return this.projectNamed(this.names.get(hash) ?? `project-${hash.slice(0, 8)}`);
  }

  projectNamed(name: string): Project {
    const known = this.projects.get(name);
    if (known !== undefined) return known;
    const project = new Project(name);
    this.projects.set(name, project);
    return project;
  }

  allProjects(): Project[] {
    return [...this.projects.values()];
  }

  nextId(): number {
    return ++this.lastId;
  }

  /** Counts public addresses: none is given out twice, not even after its release. */
  nextAddressIndex(): number {
    return this.addresses++;
  }

  /** Writes the file, if there is one: a new file that replaces the old, so that a crash leaves either. */
  save(): void {
    if (this.options.file === undefined || this.octet === undefined) return;
    const projects = Object.fromEntries(this.allProjects().map((project) => [project.name, project.toStored()]));
    const stored: StoredState = { version: 1, octet: this.octet, lastId: this.lastId, addresses: this.addresses, projects };
    const temporary = `${this.options.file}.new`;
    writeFileSync(temporary, `${JSON.stringify(stored, null, 1)}\n`, { mode: 0o600 });
    renameSync(temporary, this.options.file);
  }

  private nameToken(name: string, token: string): void {
    if (token.length !== 64) throw new Error(`the token of project '${name}' must have exactly 64 characters, got ${token.length}`);
    const hash = hashOf(token);
    const other = this.names.get(hash);
    if (other !== undefined) throw new Error(`projects '${other}' and '${name}' have the same token: each needs its own`);
    this.names.set(hash, name);
    this.projectNamed(name);
  }

  private load(): void {
    const { file } = this.options;
    if (file === undefined || !existsSync(file)) return;
    const stored = JSON.parse(readFileSync(file, "utf8")) as StoredState;
    if (stored.version !== 1) throw new Error(`state file ${file}: version ${String(stored.version)} is not supported, expected 1`);
    this.octet = stored.octet;
    this.lastId = stored.lastId;
    this.addresses = stored.addresses;
    for (const [name, project] of Object.entries(stored.projects)) this.projects.set(name, Project.fromStored(name, project));
  }
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
