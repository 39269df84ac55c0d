import { createHash } from "node:crypto";
import { extname } from "node:path";
import { Fn, Token } from "cdktf";
import { gzipSync, zlibSync } from "fflate";
import { LIMITS } from "../../config/catalog";
import { encodeBase85 } from "../../render/base85";
import { CloudConfigFile, renderCloudConfig } from "../../render/cloud-config";
import { envLine } from "../../render/writers";
import { readAsset } from "./assets";
import { HostFile, RUNTIME_DIRECTORY, RuntimeFile, RuntimeValue } from "./host-file";
import { escapeTemplate, functionArgument, holdsToken, replaceTokens } from "./template";

/** What a host's user_data is made of. */
export interface UserDataSpec {
  readonly hostname: string;
  readonly files: readonly HostFile[];
  readonly runtimeFiles: readonly RuntimeFile[];
  readonly runtimeValues: readonly RuntimeValue[];
  readonly bootCommands: readonly (readonly string[])[];
  readonly runCommands: readonly (readonly string[])[];
}

/** A host's user_data, ready for Terraform, with what must be known of it at synth. */
export interface UserData {
  /** The template: literal text with everything that Terraform could misread escaped, and live tokens. */
  readonly template: string;
  /** The largest size in bytes that it can have once Terraform has filled it in. */
  readonly maxBytes: number;
  /** A hash of all that is known at synth. */
  readonly digest: string;
}

/**
 * The share of Hetzner's limit that one host may use: 95 %. What is counted is the most that it can ever be, at full capacity
 * and with the longest of everything, so nothing can use up the rest but a change of our own, which is counted again.
 */
const USABLE_SHARE = 0.95;

/** The most bytes that {@link composeUserData} accepts. */
export const USER_DATA_BUDGET_BYTES = Math.floor(LIMITS.userDataBytes * USABLE_SHARE);

/** The file of `NAME='value'` lines that shell programs and units read. */
export const HOST_ENV = `${RUNTIME_DIRECTORY}/host.env`;

/** All files that are not of one host alone, compressed; kept on the host, for whoever wants to compare. */
export const FILES_ARCHIVE = "/var/lib/triplicate/files";

/** Between the parts of {@link FILES_ARCHIVE}: path, content, mode and owner of each file. */
export const SEPARATOR = "\u0000";

/**
 * Composes user_data: static files compressed here, at synth, so that neither the clock nor the version of Terraform or
 * Node changes a byte of it (a changed byte replaces the machine).
 *
 * What hosts share is one text, compressed as a whole and in base 85: half of what the files would take one by one.
 *
 * @throws Error when it could exceed the budget once filled in; the message names the largest parts.
 */
export function composeUserData(spec: UserDataSpec): UserData {
  const runtimeFiles = spec.runtimeValues.length === 0 ? spec.runtimeFiles : [hostEnv(spec.runtimeValues), ...spec.runtimeFiles];
  const placeholders = new Map<string, number>();
  const files = [
    packShared(spec.files.filter(isShared)),
    ...spec.files.filter((file) => !isShared(file)).map(packUnique),
    ...runtimeFiles.map((file) => runtimeFile(file, placeholders)),
  ];
  const text = renderCloudConfig({ ...spec, files, runCommands: [["python3", "-c", readAsset("unpack.py")], ...spec.runCommands] });
  const largest = replaceTokens(text, (token) => "x".repeat(placeholders.get(token) ?? 0));
  const maxBytes = Buffer.byteLength(largest);
  if (maxBytes > USER_DATA_BUDGET_BYTES) throw new Error(tooLarge(spec.hostname, maxBytes, files, placeholders));
  const digest = createHash("sha256").update(replaceTokens(text, () => "")).digest("hex");
  return { template: escapeTemplate(text), maxBytes, digest };
}

/** `host.env` as one file; its lines are put together by Terraform. */
function hostEnv(values: readonly RuntimeValue[]): RuntimeFile {
  const marker = "\u0000";
  const parts = values.flatMap(({ name, value }) => {
    // what is known now is checked now
    if (!holdsToken(value)) return [`${envLine(name, value)}\n`];
    const [before, after] = envLine(name, marker).split(marker);
    return [before, value, `${after}\n`];
  });
  const maxBytes = values.reduce((sum, { name, maxBytes: bytes }) => sum + bytes + envLine(name, "").length + ESCAPED_NEWLINE, 0);
  return { path: HOST_ENV, content: parts.join(""), maxBytes };
}

function isShared({ isUnique }: HostFile): boolean {
  return !isUnique;
}

/** Sorted by kind: what looks alike is compressed best side by side. Between the parts is what no text holds. */
function packShared(files: readonly HostFile[]): CloudConfigFile {
  const binary = files.find(({ content }) => content.includes(SEPARATOR));
  if (binary) throw new Error(`${binary.path} holds the character U+0000, which ends a text here; add it with isUnique`);
  const entries = files.map(({ path, content, mode, owner }) => [path, content, mode ?? "0644", owner ?? "root:root"]);
  const list = entries.sort(([a], [b]) => (kind(a) < kind(b) ? -1 : 1)).flat().join(SEPARATOR);
  return { path: FILES_ARCHIVE, owner: "root:root", mode: "0600", encoding: "quoted", content: packText(list) };
}

function kind(path: string): string {
  return `${extname(path)} ${path}`;
}

function packUnique(file: HostFile): CloudConfigFile {
  const content = packFile(file.content);
  return { path: file.path, owner: file.owner ?? "root:root", mode: file.mode ?? "0644", encoding: "gz+b64", content };
}

/** As our own program reads it. */
const packText = remembered((bytes) => encodeBase85(zlibSync(bytes, { level: 9 })));

/** As cloud-init reads it. */
const packFile = remembered((bytes) => Buffer.from(gzipSync(bytes, { level: 9, mtime: 0 })).toString("base64"));

/** Done once for each text: hosts of a role share all but a file or two. */
function remembered(pack: (bytes: Uint8Array) => string): (text: string) => string {
  const packed = new Map<string, string>();
  return (text) => {
    const content = packed.get(text) ?? pack(Buffer.from(text));
    packed.set(text, content);
    return content;
  };
}

/** As a JSON string, which is a YAML one too: newlines and quotes of the value stay inside, at a byte each. */
function runtimeFile(file: RuntimeFile, placeholders: Map<string, number>): CloudConfigFile {
  const content = Token.asString(Fn.jsonencode(functionArgument(file.content)));
  placeholders.set(content, Math.ceil(file.maxBytes * (file.isOneWord ? 1 : JSON_GROWTH)) + QUOTES);
  return { path: file.path, owner: "root:root", mode: "0600", content };
}

/** A PEM text has a newline every 65 bytes and around its first and last line, which JSON writes as two; the shortest grows most. */
const JSON_GROWTH = 1.03;

/** What JSON puts around every text. */
const QUOTES = 2;

/** Bytes of a newline in JSON. */
const ESCAPED_NEWLINE = 2;

function tooLarge(
  hostname: string,
  maxBytes: number,
  files: readonly CloudConfigFile[],
  placeholders: ReadonlyMap<string, number>,
): string {
  const sizes = files.map((file) => ({ path: file.path, bytes: placeholders.get(file.content) ?? file.content.length }));
  const top = sizes.sort((a, b) => b.bytes - a.bytes).slice(0, 3);
  return (
    `user_data of '${hostname}': got ${maxBytes} bytes at full capacity, allowed: ${USER_DATA_BUDGET_BYTES} ` +
    `(95 % of Hetzner's ${LIMITS.userDataBytes}); make the files smaller or lower the capacities; the largest are ` +
    top.map(({ path, bytes }) => `${path} (${bytes})`).join(", ")
  );
}
