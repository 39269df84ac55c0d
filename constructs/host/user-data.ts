import { createHash } from "node:crypto";
import { Fn, Token } from "cdktf";
import { gzipSync } from "fflate";
import { createTar } from "nanotar";
import { LIMITS } from "../../config/catalog";
import { CloudConfigFile, renderCloudConfig } from "../../render/cloud-config";
import { envLine } from "../../render/writers";
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

/** The share of Hetzner's limit that one host may use, so that there is room for what a deploy adds: 85 %. */
const USABLE_SHARE = 0.85;

/** The most bytes that {@link composeUserData} accepts. */
export const USER_DATA_BUDGET_BYTES = Math.floor(LIMITS.userDataBytes * USABLE_SHARE);

/** The file of `NAME='value'` lines that shell programs and units read. */
export const HOST_ENV = `${RUNTIME_DIRECTORY}/host.env`;

/** The archive of all files that are not of one host alone; kept on the host, for whoever wants to compare. */
export const FILES_ARCHIVE = "/var/lib/triplicate/files.tar.gz";

/** What was compressed before, by what it holds; hosts of a role share all but a file or two. */
const packed = new Map<string, string>();

/**
 * Composes user_data: static files compressed here, at synth, so that neither the clock nor the version of Terraform or
 * Node changes a byte of it (a changed byte replaces the machine).
 *
 * What hosts share is one archive: compressed together it takes two thirds of what the files would take one by one.
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
  const unpack = ["tar", "--extract", "--gzip", "--file", FILES_ARCHIVE, "--directory", "/"];
  const text = renderCloudConfig({ ...spec, files, runCommands: [unpack, ...spec.runCommands] });
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
  const maxBytes = values.reduce((sum, { name, maxBytes: bytes }) => sum + bytes + envLine(name, "").length + 1, 0);
  return { path: HOST_ENV, content: parts.join(""), maxBytes };
}

/** A path that is too long for an archive's header goes alone too; it would be cut off there. */
function isShared({ isUnique, path }: HostFile): boolean {
  return !isUnique && Buffer.byteLength(path) <= TAR_NAME_BYTES;
}

/** The most bytes that the name of a file in a plain tar archive can have. */
const TAR_NAME_BYTES = 100;

function packShared(files: readonly HostFile[]): CloudConfigFile {
  const key = JSON.stringify(files.map(({ path, content, mode, owner }) => [path, content, mode, owner]));
  const content = packOnce(key, () =>
    createTar(
      files.map((file) => {
        const [user, group] = (file.owner ?? "root:root").split(":");
        const mode = file.mode ?? "0644";
        return { name: file.path.slice(1), data: Buffer.from(file.content), attrs: { mode, user, group, uid: 0, gid: 0, mtime: 0 } };
      }),
    ),
  );
  return { path: FILES_ARCHIVE, owner: "root:root", mode: "0600", encoding: "b64", content };
}

function packUnique(file: HostFile): CloudConfigFile {
  const content = packOnce(file.content, () => Buffer.from(file.content));
  return { path: file.path, owner: file.owner ?? "root:root", mode: file.mode ?? "0644", encoding: "gz+b64", content };
}

/** Compressed, as base64. */
function packOnce(key: string, bytes: () => Uint8Array): string {
  let content = packed.get(key);
  if (content === undefined) {
    content = Buffer.from(gzipSync(bytes(), { level: 9, mtime: 0 })).toString("base64");
    packed.set(key, content);
  }
  return content;
}

/** As a JSON string, which is a YAML one too: newlines and quotes of the value stay inside, at a byte each. */
function runtimeFile(file: RuntimeFile, placeholders: Map<string, number>): CloudConfigFile {
  const content = Token.asString(Fn.jsonencode(functionArgument(file.content)));
  placeholders.set(content, Math.ceil(file.maxBytes * JSON_GROWTH));
  return { path: file.path, owner: "root:root", mode: "0600", content };
}

/** A PEM text has a newline every 65 bytes, which JSON writes as two; a quote or a backslash takes two as well. */
const JSON_GROWTH = 1.05;

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
    `(85 % of Hetzner's ${LIMITS.userDataBytes}); make the files smaller or lower the capacities; the largest are ` +
    top.map(({ path, bytes }) => `${path} (${bytes})`).join(", ")
  );
}
