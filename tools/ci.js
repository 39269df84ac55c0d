#!/usr/bin/env node
/**
 * Runs `make test`, then the rehearsals and the labs' quick subsets, one after another whatever the earlier ones said, and
 * ends with `N passed, N failed, N skipped`. A layer that is not one of jest's counts as one.
 */
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "..");
const counts = { passed: 0, failed: 0, skipped: 0 };

function make(...args) {
  console.log(`\n== make ${args.join(" ")}`);
  const started = Date.now();
  const { status } = spawnSync("make", args, { cwd: root, stdio: "inherit" });
  console.log(`== make ${args.join(" ")}: ${status === 0 ? "passed" : `failed with ${status}`} after ${Math.round((Date.now() - started) / 1000)} s`);
  return status === 0;
}

/** Jest's own counts, where it got so far as to write them. */
function addJestCounts(isGood) {
  const file = path.join(root, "results", "jest.json");
  if (!fs.existsSync(file)) {
    counts.failed += 1;
    return;
  }
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites } = JSON.parse(fs.readFileSync(file, "utf8"));
  counts.passed += numPassedTests;
  counts.failed += numFailedTests + numRuntimeErrorTestSuites;
  counts.skipped += numPendingTests + numTodoTests;
  if (!isGood && numFailedTests + numRuntimeErrorTestSuites === 0) counts.failed += 1;
}

/** A lab's own counts; one that wrote no result has failed. */
function addLabCounts(name, isGood) {
  const file = path.join(root, "results", `${name}.json`);
  if (!fs.existsSync(file)) {
    counts.failed += 1;
    return;
  }
  const { lines } = JSON.parse(fs.readFileSync(file, "utf8"));
  for (const { verdict } of lines) counts[verdict] += 1;
  if (!isGood && lines.every(({ verdict }) => verdict !== "failed")) counts.failed += 1;
}

fs.rmSync(path.join(root, "results"), { recursive: true, force: true });
addJestCounts(make("test"));
for (const layer of [["rehearse"], ["rehearse", "ENV=production"], ["bench"]]) {
  counts[make(...layer) ? "passed" : "failed"] += 1;
}
addLabCounts("lab-vm", make("lab-vm"));
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 ? 0 : 1;
