import { createHash } from "node:crypto";
import { gzipSync } from "fflate";
import { Fn } from "cdktf";
import { LIMITS } from "../../config/catalog";
import { CloudConfigFile, renderCloudConfig } from "../../render/cloud-config";
import { envLine } from "../../render/writers";
import { HostFile, RUNTIME_DIRECTORY, RuntimeFile, RuntimeValue } from "./host-file";
import { escapeTemplate, replaceTokens } from "./template";

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

/** Packs files by content; hosts share most of theirs. */
const packed = new Map<string, string>();

/**
 * Composes user_data: static files compressed here, at synth, so that neither the clock nor the version of Terraform or
 * Node changes a byte of it (a changed byte replaces the machine).
 *
 * @throws Error when it could exceed the budget once filled in; the message names the largest files.
 */
export function composeUserData(spec: UserDataSpec): UserData {
  const runtimeFiles = spec.runtimeValues.length === 0 ? spec.runtimeFiles : [hostEnv(spec.runtimeValues), ...spec.runtimeFiles];
  const placeholders = new Map<string, number>();
  const files = [...spec.files.map(packFile), ...runtimeFiles.map((file) => runtimeFile(file, placeholders))];
  const text = renderCloudConfig({ ...spec, files });
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
    const [before, after] = envLine(name, marker).split(marker);
    return [before, value, `${after}\n`];
  });
  const maxBytes = values.reduce((sum, { name, maxBytes: bytes }) => sum + bytes + envLine(name, "").length + 1, 0);
  return { path: HOST_ENV, content: Fn.join("", parts), maxBytes };
}

function packFile(file: HostFile): CloudConfigFile {
  let content = packed.get(file.content);
  if (content === undefined) {
    content = Buffer.from(gzipSync(Buffer.from(file.content), { level: 9, mtime: 0 })).toString("base64");
    packed.set(file.content, content);
  }
  return { path: file.path, owner: file.owner ?? "root:root", mode: file.mode ?? "0644", encoding: "gz+b64", content };
}

/** Base64 keeps newlines and quotes of the value out of the YAML around it. */
function runtimeFile(file: RuntimeFile, placeholders: Map<string, number>): CloudConfigFile {
  const content = Fn.base64encode(file.content);
  placeholders.set(content, Math.ceil(file.maxBytes / 3) * 4);
  return { path: file.path, owner: "root:root", mode: "0600", encoding: "b64", content };
}

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
