#!/usr/bin/env node
/**
 * Builds, and packs what other teams install. Prints the command that installs it.
 *
 *   node tools/pack.js [directory]     results/packages where none is given
 */
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "..");

/** In the order of the install command; the last is for rehearsals only. */
const PACKAGES = [".", "packages/provider-hcloud", "packages/hetzner-local"];

/** Packs one package; gives the tarball's path. */
function pack(folder, destination) {
  const args = ["pack", "--json", "--pack-destination", destination, ...(folder === "." ? [] : [`./${folder}`])];
  const printed = execFileSync("npm", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  const [{ filename, files, size }] = JSON.parse(printed);
  const tarball = path.join(destination, path.basename(filename));
  console.log(`${path.relative(process.cwd(), tarball)}: ${files.length} files, ${Math.round(size / 1024)} KiB`);
  return tarball;
}

function main() {
  const destination = path.resolve(process.argv[2] ?? path.join(root, "results", "packages"));
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });
  fs.rmSync(destination, { recursive: true, force: true });
  fs.mkdirSync(destination, { recursive: true });
  const tarballs = PACKAGES.map((folder) => pack(folder, destination));
  console.log(`\nIn another project:\n  npm install cdktf constructs ${tarballs.slice(0, -1).join(" ")}`);
}

main();
