#!/usr/bin/env node
/** Copies the figures of full runs from results/ to docs/results/; those of a changed checkout belong to no commit, and stay. */
const fs = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "..");
const from = path.join(root, "results");
const to = path.join(root, "docs", "results");

fs.mkdirSync(to, { recursive: true });
const QUICK = ["jest.json", "lab-vm.json"];
for (const name of fs.readdirSync(from).filter((file) => file.endsWith(".json") && !QUICK.includes(file))) {
  const { commit = "none", ...result } = JSON.parse(fs.readFileSync(path.join(from, name), "utf8"));
  if (/^[0-9a-f]{40}$/.test(commit)) {
    fs.writeFileSync(path.join(to, name), `${JSON.stringify({ commit, seed: result.versions.seed ?? null, ...result }, null, 2)}\n`);
    console.log(`docs/results/${name}`);
  } else {
    console.log(`left: results/${name} is of no commit (${commit})`);
  }
}
