#!/usr/bin/env node
/** Copies the figures of a full run from results/ to docs/results/, each with the commit that it belongs to. */
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "..");
const from = path.join(root, "results");
const to = path.join(root, "docs", "results");
const commit = execFileSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8" }).trim();

fs.mkdirSync(to, { recursive: true });
for (const name of fs.readdirSync(from).filter((file) => file.endsWith(".json") && file !== "jest.json")) {
  const result = JSON.parse(fs.readFileSync(path.join(from, name), "utf8"));
  fs.writeFileSync(path.join(to, name), `${JSON.stringify({ commit, seed: null, ...result }, null, 2)}\n`);
  console.log(`docs/results/${name}`);
}
