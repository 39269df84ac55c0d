import { nearest } from "./nearest";
import type { Problem } from "../errors";

/** What a number has to be. */
interface WholeNumberLimits {
  /** The smallest that is allowed. */
  readonly min: number;

  /**
   * The largest that is allowed.
   *
   * @default - no limit
   */
  readonly max?: number;

  /**
   * What is counted, for the message: "machines".
   *
   * @default - just a number
   */
  readonly of?: string;
}

/**
 * Reads values of unknown shape, which may come from plain JavaScript, and collects what is wrong with them.
 *
 * Every method returns something usable, so that reading goes on after a mistake: "" for a text and NaN for a number that
 * could not be read. Rules take both for "already reported"; comparisons with NaN are false, so most need no care at all.
 */
export class Reader {
  /** What was wrong so far. */
  public readonly problems: Problem[] = [];

  /** Adds a problem. */
  public report(path: string, got: string, allowed: string, fix: string): void {
    this.problems.push({ path, got, allowed, fix });
  }

  /**
   * Reads an object: reports keys that it must not have and keys that it lacks.
   *
   * A key that is missing because it is misspelt is reported once, as the misspelling.
   */
  public record(
    value: unknown,
    path: string,
    keys: { readonly required: readonly string[]; readonly optional: readonly string[] },
  ): Readonly<Record<string, unknown>> | undefined {
    const record = this.plainObject(value, path);
    if (record === undefined) {
      return undefined;
    }
    const known = [...keys.required, ...keys.optional];
    const missing = new Set(keys.required.filter((key) => record[key] === undefined));
    for (const key of Object.keys(record).filter((name) => !known.includes(name))) {
      const meant = nearest(key, known.filter((name) => record[name] === undefined));
      missing.delete(meant ?? "");
      const fix = meant === undefined ? "remove it" : `did you mean ${JSON.stringify(meant)}`;
      this.report(join(path, key), "an unknown key", known.join(", "), fix);
    }
    for (const key of missing) {
      this.report(join(path, key), "nothing", "a value, it has no default", "add it");
    }
    return record;
  }

  /** Reads an object without looking at its keys. */
  public plainObject(value: unknown, path: string): Readonly<Record<string, unknown>> | undefined {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
    this.report(path || "the description", show(value), "an object", "write { … }");
    return undefined;
  }

  /** Reads a text; "" if there is none. */
  public text(value: unknown, path: string, otherwise = ""): string {
    if (value === undefined) {
      return otherwise;
    }
    if (typeof value === "string" && value !== "") {
      return value;
    }
    this.report(path, show(value), "a text that is not empty", value === "" ? "fill it in" : "write a text in quotes");
    return "";
  }

  /** Reads true or false. */
  public flag(value: unknown, path: string, otherwise: boolean): boolean {
    if (value === undefined || typeof value === "boolean") {
      return value ?? otherwise;
    }
    this.report(path, show(value), "true, false", "write one of them, without quotes");
    return otherwise;
  }

  /** Reads a whole number within limits; NaN if it is none. */
  public wholeNumber(value: unknown, path: string, limits: WholeNumberLimits, otherwise = NaN): number {
    if (value === undefined) {
      return otherwise;
    }
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= limits.min && value <= (limits.max ?? Infinity)) {
      return value;
    }
    const span = limits.max === undefined ? `from ${limits.min}` : `from ${limits.min} to ${limits.max}`;
    this.report(path, show(value), `a whole number${limits.of ? ` of ${limits.of}` : ""} ${span}`, numberFix(value, limits));
    return NaN;
  }

  /** Reads a list; empty if there is none. */
  public list(value: unknown, path: string): readonly unknown[] {
    if (value === undefined) {
      return [];
    }
    if (Array.isArray(value)) {
      return value as readonly unknown[];
    }
    this.report(path, show(value), "a list", "write [ … ]");
    return [];
  }

  /** Reads one of a few words. */
  public oneOf<T extends string>(value: unknown, path: string, allowed: readonly T[], otherwise: T): T {
    if (value === undefined) {
      return otherwise;
    }
    const found = allowed.find((word) => word === value);
    if (found === undefined) {
      const fix = allowed.length === 1 ? "remove it, it can't be changed" : "set one of them";
      this.report(path, show(value), allowed.map((word) => JSON.stringify(word)).join(", "), fix);
    }
    return found ?? otherwise;
  }
}

/** A path with one more key; quoted where TypeScript would need quotes. */
export function join(path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) {
    return `${path}[${JSON.stringify(key)}]`;
  }
  return path === "" ? key : `${path}.${key}`;
}

/** A value as it is shown in a message: JSON where there is such a thing, in words where not, never longer than 60 characters. */
export function show(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean" || value === null || value === undefined) {
    return String(value);
  }
  if (typeof value === "function" || typeof value === "symbol" || typeof value === "bigint") {
    return `a ${typeof value}`;
  }
  const json = toJson(value);
  return json.length <= 60 ? json : `${json.slice(0, 57)}...`;
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "a value that is not data";
  } catch {
    // An object that contains itself, or a bigint, has no JSON.
    return "a value that is not data";
  }
}

function numberFix(value: unknown, limits: WholeNumberLimits): string {
  if (typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))) {
    return "write it without quotes";
  }
  if (typeof value !== "number" || !Number.isFinite(value)) {
    return "write a number";
  }
  if (value < limits.min) {
    return `raise it to ${limits.min} or more`;
  }
  return value > (limits.max ?? Infinity) ? `lower it to ${limits.max} or less` : "round it";
}
