import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { FILES_ARCHIVE } from "../../constructs/host/user-data";
import { compactProgram } from "../../render/programs";
import { type GoldenHost, goldenHosts, placeholder } from "../support/golden-hosts";

/** Set to write what is there now, instead of comparing with it. Look at the difference before it is committed. */
const UPDATE = process.env.UPDATE_GOLDEN === "1";

const root = join(__dirname, "..", "..");
const assets = new Map(listFiles(join(root, "assets")).map((file) => [compact(file).toString("base64"), file.slice(root.length + 1)]));
const hosts = goldenHosts();
const expected = goldenFiles(hosts);

/** Every golden file by its path below this folder. */
function goldenFiles(all: readonly GoldenHost[]): Map<string, Buffer> {
  const golden = new Map<string, Buffer>();
  for (const host of all) {
    const userData = host.userData(placeholder);
    golden.set(`${host.name}/user_data.yaml`, Buffer.from(userData));
    golden.set(`${host.name}/manifest.txt`, Buffer.from(manifest(host, userData, all)));
    for (const file of host.files.filter(isText)) {
      if (assetOf(file) === undefined) golden.set(`${folderOf(host, file.path, all)}${file.path}`, file.content);
    }
    for (const [path, expression] of Object.entries(host.expressions)) {
      golden.set(`${host.name}${path}.expression`, Buffer.from(`${expression}\n`));
    }
  }
  return golden;
}

/** What is in the archive is here, and the archive itself is in the user_data. */
function isText({ path }: { path: string }): boolean {
  return path !== FILES_ARCHIVE;
}

/** A program of ours as it lands on a host. */
function compact(file: string): Buffer {
  return Buffer.from(compactProgram(file, readFileSync(file, "utf8")));
}

/** The program in `assets/` that a file is byte for byte, made compact: then that is its golden file. */
function assetOf({ content }: { content: Buffer }): string | undefined {
  return assets.get(content.toString("base64"));
}

/** A file that every machine has byte for byte is kept once. */
function folderOf(host: GoldenHost, path: string, all: readonly GoldenHost[]): string {
  const contents = all.map(({ files }) => files.find((file) => file.path === path)?.content.toString("base64"));
  return new Set(contents).size === 1 ? "common" : host.name;
}

/** The size, the hash, and for each file its mode, its owner and in which folder here it is. */
function manifest(host: GoldenHost, userData: string, all: readonly GoldenHost[]): string {
  const known = host.files.map((file) => {
    const { path, mode, owner } = file;
    const golden = isText(file) ? (assetOf(file) ?? folderOf(host, path, all)) : "of the files below";
    return [mode.toString(8).padStart(4, "0"), owner, path, golden];
  });
  const filled = Object.keys(host.expressions).map((path) => ["0600", "root:root", path, `${host.name}, known at apply`]);
  return [
    `user_data sha256 ${createHash("sha256").update(userData).digest("hex")}`,
    `user_data at full capacity ${host.maxBytes} bytes`,
    ...[...known, ...filled].map(([mode, owner, path, folder]) => `${mode} ${owner} ${path} (${folder})`),
    "",
  ].join("\n");
}

/** The golden files that are on disk. */
function filesOnDisk(): string[] {
  return listFiles(__dirname)
    .map((file) => file.slice(__dirname.length + 1))
    .filter((file) => file.includes("/"))
    .sort();
}

function listFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? listFiles(path) : [path];
  });
}

function update(): void {
  filesOnDisk().forEach((file) => rmSync(join(__dirname, file)));
  for (const [file, content] of expected) {
    mkdirSync(dirname(join(__dirname, file)), { recursive: true });
    writeFileSync(join(__dirname, file), content);
  }
}

beforeAll(() => {
  if (!UPDATE) return;
  if (process.env.CI === "true") throw new Error("golden files are never updated in CI: what is compared must be what was committed");
  update();
});

test("there is a golden machine for every role of dev, and one Postgres machine of production", () => {
  expect(hosts.map(({ role }) => role)).toEqual(["kubernetes-server", "kubernetes-agent", "postgres", "worker", "postgres"]);
});

test("no golden file is missing and none is left over", () => {
  expect(filesOnDisk()).toEqual([...expected.keys()].sort());
});

test.each([...expected.keys()].sort())("%s has not changed by a byte", (file) => {
  const path = join(__dirname, file);
  const golden = existsSync(path) ? readFileSync(path) : undefined;
  expect(expected.get(file)!.toString("utf8")).toBe(golden?.toString("utf8"));
});

test("every machine's user_data is within the budget and of the size that was counted", () => {
  for (const host of hosts) expect(Buffer.byteLength(host.userData(placeholder))).toBeLessThanOrEqual(host.maxBytes);
});
