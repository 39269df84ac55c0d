import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { environments } from "../../config/environments";
import { stacksInOrder } from "../../rehearsal/synth";
import { repositoryRoot } from "../../rehearsal/terraform";

jest.setTimeout(60_000);

/** What a clone holds once it is built; the modules are linked. */
const BUILT = ["dist", "assets", "package.json", "cdktf.json"];

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "triplicate-"));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The compiled app, run in a directory: the bytes of each stack's configuration. */
function synthesize(cwd: string, outdir: string, options: readonly string[], environment: NodeJS.ProcessEnv): Map<string, string> {
  const { PATH } = process.env;
  const app = spawnSync(process.execPath, [...options, join(cwd, "dist", "main.js")], {
    cwd,
    env: { PATH, ...environment, CDKTF_OUTDIR: outdir, CHECKPOINT_DISABLE: "1" },
    encoding: "utf8",
  });
  if (app.status !== 0) throw new Error(app.stderr || app.stdout);
  return new Map(stacksInOrder(outdir).map((stack) => [stack.name, readFileSync(join(stack.directory, "cdk.tf.json"), "utf8")]));
}

test("a synth a year later, by somebody else on another machine, gives the same bytes", () => {
  const { HOME } = process.env;
  const here = synthesize(repositoryRoot(), join(directory, "here"), [], { HOME, TZ: "UTC", LANG: "C.UTF-8" });

  const elsewhere = join(directory, "another", "clone");
  mkdirSync(elsewhere, { recursive: true });
  for (const name of BUILT) cpSync(join(repositoryRoot(), name), join(elsewhere, name), { recursive: true });
  symlinkSync(join(repositoryRoot(), "node_modules"), join(elsewhere, "node_modules"));
  const there = synthesize(elsewhere, join(directory, "there"), ["-r", join(__dirname, "..", "support", "another-machine.js")], {
    HOME: "/nowhere",
    USER: "somebody",
    TZ: "Asia/Kathmandu",
    LANG: "tr_TR.UTF-8",
    LC_ALL: "tr_TR.UTF-8",
    CI: "true",
  });

  const stacks = environments.flatMap(({ name }) => ["foundation", "fsn1", "nbg1", "hel1"].map((stack) => `${name}-${stack}`));
  expect([...here.keys()].sort()).toEqual(stacks.sort());
  expect([...there.keys()]).toEqual([...here.keys()]);
  expect([...there].filter(([name, bytes]) => bytes !== here.get(name)).map(([name]) => name)).toEqual([]);
  expect([...here.values()].join("").match(/#cloud-config/g)!.length).toBe(MACHINES);
  expect([...here.values()].join("")).not.toContain(repositoryRoot());
});

/** Every machine of every environment. */
const MACHINES = environments
  .flatMap(({ pools }) => Object.values(pools))
  .flatMap(({ count }) => Object.values(count))
  .reduce((sum, count) => sum + count, 0);
