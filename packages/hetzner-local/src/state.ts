/** All projects, the counters, and the file they are kept in. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { givenRange, loopbackRange, type AddressRange } from "./addresses";
import { Project, type StoredProject } from "./project";

interface StoredState {
  readonly version: 1;
  /** Of the loopback range; missing where a range was given. */
  readonly octet?: number;
  readonly publicRange?: string;
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
  /** CIDR that public addresses are taken from. @default - a loopback range, once it is claimed */
  readonly publicRange?: string;
}

/** Holds what the API knows; tokens are held only as hashes and never written. */
export class State {
  /** Second octet of the loopback range; known from the file, or once a range is claimed; never where a range is given. */
  octet: number | undefined;
  private lastId = 1000;
  private addressCount = 0;
  private readonly given: AddressRange | undefined;
  private readonly projects = new Map<string, Project>();
  private readonly names = new Map<string, string>();

  constructor(private readonly options: StateOptions) {
    this.given = options.publicRange === undefined ? undefined : givenRange(options.publicRange);
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

  /** Where public addresses come from. */
  get addresses(): AddressRange {
    if (this.given !== undefined) return this.given;
    if (this.octet === undefined) throw new Error("no loopback range is claimed yet");
    return loopbackRange(this.octet);
  }

  /** Counts public addresses: none is given out twice, not even after its release. */
  nextAddressIndex(): number {
    return this.addressCount++;
  }

  /** Writes the file, if there is one: a new file that replaces the old, so that a crash leaves either. */
  save(): void {
    if (this.options.file === undefined || (this.octet === undefined && this.given === undefined)) return;
    const projects = Object.fromEntries(this.allProjects().map((project) => [project.name, project.toStored()]));
    const { octet, lastId, addressCount: addresses } = this;
    const stored: StoredState = { version: 1, octet, publicRange: this.given?.cidr, lastId, addresses, projects };
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
    if (stored.publicRange !== this.given?.cidr) {
      const [has, wants] = [stored.publicRange, this.given?.cidr].map((range) => range ?? "a loopback range");
      throw new Error(`state file ${file}: its addresses are from ${has}, but 'publicRange' asks for ${wants}`);
    }
    this.octet = stored.octet;
    this.lastId = stored.lastId;
    this.addressCount = stored.addresses;
    for (const [name, project] of Object.entries(stored.projects)) this.projects.set(name, Project.fromStored(name, project));
  }
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
