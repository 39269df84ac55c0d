/**
 * The only place that joins text. Every writer is pure: the same value gives the same bytes, with a final newline.
 */
import { stringify } from "yaml";

/**
 * YAML 1.1, as cloud-init and Kubernetes read it (a bare `no` is false there), with keys in the given order; long lines are
 * never folded, since a fold would change what they mean to a reader.
 */
export function toYaml(value: unknown): string {
  return stringify(value, { version: "1.1", lineWidth: 0, indentSeq: false, aliasDuplicateObjects: false });
}

/** JSON with two spaces of indent and keys in the given order. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** One value per line. */
export function toLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/** A section of a systemd unit: a list value repeats its key, as systemd wants it; `undefined` leaves the key out. */
export type IniSection = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The ini dialect of systemd: sections in the given order, an empty line between them.
 *
 * @throws Error when a value has a newline: what is behind it would be a setting of its own.
 */
export function toIni(sections: Readonly<Record<string, IniSection>>): string {
  return Object.entries(sections)
    .map(([name, section]) => toLines([`[${name}]`, ...Object.entries(section).flatMap(iniLines)]))
    .join("\n");
}

function iniLines([key, value]: [string, string | readonly string[] | undefined]): string[] {
  if (value === undefined) return [];
  const items = typeof value === "string" ? [value] : value;
  if (items.some((item) => item.includes("\n"))) throw new Error(`the value of '${key}' has a newline: systemd would read two settings`);
  return items.map((item) => `${key}=${item}`);
}

/**
 * A line of an environment file that both systemd (`EnvironmentFile=`) and a POSIX shell read the same way.
 *
 * Single quotes keep everything literal for both, but systemd has no way to write a single quote inside them.
 *
 * @throws Error when the name is no variable name, or a value that is known now holds a single quote or a newline.
 */
export function envLine(name: string, value: string): string {
  if (!/^[A-Z][A-Z0-9_]*$/.test(name)) throw new Error(`'${name}' is not an environment variable name: use A-Z, 0-9 and _`);
  if (/['\n]/.test(value)) throw new Error(`the value of '${name}' has a single quote or a newline: put it into a file of its own`);
  return `${name}='${value}'`;
}
