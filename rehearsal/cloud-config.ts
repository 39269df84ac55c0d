import { posix } from "node:path";
import { gunzipSync, inflateSync } from "node:zlib";

import { parse } from "yaml";
import { FILES_ARCHIVE, SEPARATOR } from "../constructs/host/user-data";
import { decodeBase85 } from "../render/base85";

/** A file that cloud-init writes at the first boot. */
export interface CloudConfigFile {
  /** Absolute and normal: no `..`, no doubled slash. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** `user:group`, as written. */
  readonly owner: string;
  readonly content: Buffer;
}

/** What a host's user_data says. */
export interface CloudConfig {
  readonly files: readonly CloudConfigFile[];
  /** The whole document, for the keys that nobody needed to understand so far. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** Says whether user_data is a cloud-config, and not a script or something else that cloud-init understands. */
export function isCloudConfig(userData: string): boolean {
  return /^#cloud-config\s*$/m.test(userData.split("\n", 1)[0] ?? "");
}

/**
 * Reads user_data as cloud-init does: YAML 1.1, so that an unquoted `0644` is octal.
 *
 * Throws if it is not a cloud-config, or has a file that cloud-init would not write as this function reads it.
 *
 * @see https://cloudinit.readthedocs.io/en/latest/reference/modules.html#write-files
 */
export function readCloudConfig(userData: string): CloudConfig {
  if (!isCloudConfig(userData)) throw new Error("user_data is not a cloud-config: its first line must be #cloud-config");
  const document: unknown = parse(userData, { version: "1.1" });
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new Error("user_data is not a cloud-config: it holds no settings");
  }
  const settings = document as Record<string, unknown>;
  const entries: unknown = settings.write_files ?? [];
  if (!Array.isArray(entries)) throw new Error("'write_files' of user_data is not a list");
  const written = entries.map((entry, index) => readFile(entry, index));
  return { files: [...written, ...unpacked(written)], document: settings };
}

/** The files of the list that the first command of the first boot unpacks. */
function unpacked(written: readonly CloudConfigFile[]): CloudConfigFile[] {
  const list = written.find(({ path }) => path === FILES_ARCHIVE);
  if (!list) return [];
  const parts = inflateSync(decodeBase85(list.content.toString())).toString().split(SEPARATOR);
  return Array.from({ length: parts.length / 4 }, (_, index) => {
    const [path, content, mode, owner] = parts.slice(4 * index);
    return { path, mode: parseInt(mode, 8), owner, content: Buffer.from(content) };
  });
}

function readFile(entry: unknown, index: number): CloudConfigFile {
  const { path, permissions, owner, encoding, content, append } = Object(entry) as Record<string, unknown>;
  const refuse = (problem: string): Error => new Error(`'write_files[${index}]' of user_data: ${problem}`);
  if (typeof path !== "string" || !path.startsWith("/")) throw refuse("'path' is not an absolute path");
  if (content !== undefined && typeof content !== "string") throw refuse(`'content' of ${path} is not a text`);
  if (append === true) throw refuse(`'append' of ${path} is not supported`);
  const mode = readMode(permissions);
  if (mode === undefined) throw refuse(`'permissions' of ${path} is not a mode`);
  const bytes = decode(content ?? "", encoding);
  if (bytes === undefined) throw refuse(`'encoding' of ${path} is '${String(encoding)}', which is not known`);
  return { path: posix.normalize(path), mode, owner: typeof owner === "string" ? owner : "root:root", content: bytes };
}

/** Reads `"0644"` or a number that YAML has understood already; `undefined` if it is no mode. */
function readMode(permissions: unknown): number | undefined {
  const mode: unknown = typeof permissions === "string" ? parseInt(permissions, 8) : (permissions ?? 0o644);
  return typeof mode === "number" && mode >= 0 && mode <= 0o7777 ? mode : undefined;
}

/** Decodes a content; `undefined` if the encoding is none of cloud-init's. */
function decode(content: string, encoding: unknown): Buffer | undefined {
  switch (encoding) {
    case undefined:
    case null:
    case "text/plain":
      return Buffer.from(content, "utf8");
    case "b64":
    case "base64":
      return Buffer.from(content, "base64");
    case "gz+b64":
    case "gz+base64":
    case "gzip+b64":
    case "gzip+base64":
      return gunzipSync(Buffer.from(content, "base64"));
    default:
      return undefined;
  }
}
