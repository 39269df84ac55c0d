import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HcloudProvider } from "@cdktf/provider-hcloud/lib/provider";
import { HttpProvider } from "@cdktf/provider-http/lib/provider";
import { RandomProvider } from "@cdktf/provider-random/lib/provider";
import { TlsProvider } from "@cdktf/provider-tls/lib/provider";
import { App, LocalBackend, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { stacksInOrder } from "../../rehearsal/synth";

/** A block of a synthesized configuration. */
export type Block = Record<string, unknown>;

/** Blocks by type and logical id: `resource.hcloud_server.web`. */
export type Blocks = Record<string, Record<string, Block>>;

/** What CDKTF writes for a stack, parsed, without its metadata. */
export interface StackJson {
  readonly terraform: { readonly backend: Record<string, Block>; readonly required_providers: Record<string, Block> };
  readonly variable?: Record<string, Block>;
  readonly provider?: Record<string, Block[]>;
  readonly locals?: Record<string, string>;
  readonly data?: Blocks;
  readonly resource?: Blocks;
  readonly output?: Record<string, Block>;
}

/** Synthesizes an app for real and gives its stacks, in deploy order, with their texts. */
export function synthesizeApp(build: (app: App) => void): { stacks: Map<string, StackJson>; texts: Map<string, string> } {
  const outdir = mkdtempSync(join(tmpdir(), "triplicate-synth-"));
  try {
    const app = new App({ outdir });
    build(app);
    app.synth();
    const texts = new Map(
      stacksInOrder(outdir).map(({ name, directory }) => [name, readFileSync(join(directory, "cdk.tf.json"), "utf8")]),
    );
    return { texts, stacks: new Map([...texts].map(([name, text]) => [name, withoutMetadata(JSON.parse(text)) as StackJson])) };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** Synthesizes one stack with every provider and what a test puts into it. */
export function synthesizeStack(build: (stack: TerraformStack) => void): StackJson {
  const { stacks } = synthesizeApp((app) => build(newStack(app, "test")));
  return stacks.get("test")!;
}

/** A stack with every provider, and its state beside it. */
export function newStack(app: App, id: string): TerraformStack {
  const stack = new TerraformStack(app, id);
  new LocalBackend(stack, { path: "terraform.tfstate" });
  new HcloudProvider(stack, "hcloud", { token: "x".repeat(64) });
  new HttpProvider(stack, "http");
  new RandomProvider(stack, "random");
  new TlsProvider(stack, "tls");
  return stack;
}

/** The block of a type and id; the only one of the type where no id is given. */
export function resource(stack: StackJson, type: string, id?: string): Block {
  return find(stack.resource, type, id);
}

/** Like {@link resource}, of data sources. */
export function data(stack: StackJson, type: string, id?: string): Block {
  return find(stack.data, type, id);
}

/** Every resource of a stack: its type and id with its block. */
export function resources(stack: StackJson): [string, Block][] {
  return entries(stack.resource);
}

/** Every construct of a class below a scope. */
export function constructs<T extends Construct>(scope: Construct, type: new (...args: never[]) => T): T[] {
  return scope.node.findAll().filter((node): node is T => node instanceof type);
}

function entries(blocks: Blocks = {}): [string, Block][] {
  return Object.entries(blocks).flatMap(([type, all]) => Object.entries(all).map(([id, block]): [string, Block] => [`${type}.${id}`, block]));
}

function find(blocks: Blocks = {}, type: string, id?: string): Block {
  const all = blocks[type] ?? {};
  const ids = Object.keys(all);
  if (id === undefined && ids.length !== 1) throw new Error(`there are ${ids.length} ${type}: ${ids.join(", ")}`);
  const found = all[id ?? ids[0]] as Block | undefined;
  if (!found) throw new Error(`there is no ${type}.${id}, only ${ids.join(", ")}`);
  return found;
}

function withoutMetadata(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMetadata);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== "//")
      .map(([key, inner]) => [key, withoutMetadata(inner)]),
  );
}
