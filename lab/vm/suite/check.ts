import type { World } from "./world";

/** One thing that the suite shows on booted machines. */
export interface Check {
  /** What holds, in a few words: "kernel settings, read back". */
  readonly name: string;
  /** The number of the promise that it belongs to; those of one number are shown together. */
  readonly promise: number;
  /** Gives a text with figures to show, or nothing; throws with what was found instead. */
  readonly run: (world: World) => Promise<unknown>;
}

/** On every machine at the same time, or on those of some names; what each gives to show. */
export async function each(world: World, act: (world: World, machine: string) => Promise<unknown>, machines = world.machines().map(({ name }) => name) as readonly string[]): Promise<string> {
  const notes = await Promise.all(machines.map((machine) => act(world, machine)));
  return notes.filter(Boolean).join("; ") || `${machines.length} machines`;
}

/** Throws unless a condition holds. */
export function ensure(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Throws unless two values are the same as JSON; of lists of the same length, with the entries that are not. */
export function ensureEqual(found: unknown, expected: unknown, what: string): void {
  if (Array.isArray(found) && Array.isArray(expected) && found.length === expected.length) {
    found.forEach((entry: unknown, index) => ensureSame(entry, expected[index], `${what}, [${index}]`));
  } else ensureSame(found, expected, what);
}

function ensureSame(found: unknown, expected: unknown, what: string): void {
  const [left, right] = [found, expected].map((value) => JSON.stringify(value));
  ensure(left === right, `${what}: found ${left}, expected ${right}`);
}

/** Quotes a text for a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The names of the suite's machines. */
export const DATABASES = ["lab-fsn1-postgres-1", "lab-nbg1-postgres-1", "lab-hel1-postgres-1"] as const;
export const WORKER = "lab-fsn1-worker-1";
