import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./terraform";

interface Manifest {
  readonly stacks: Readonly<Record<string, { readonly dependencies: readonly string[]; readonly workingDirectory: string }>>;
}

/** A synthesized stack. */
export interface SynthesizedStack {
  readonly name: string;
  /** The directory with its `cdk.tf.json`. */
  readonly directory: string;
}

/**
 * Synthesizes the compiled app, with local state, and gives the stacks of one environment in the order in which they deploy.
 *
 * @throws Error with the app's own output when it fails.
 */
export function synthesize(environment: string, outdir: string, stateDirectory: string): SynthesizedStack[] {
  const app = spawnSync(process.execPath, [join(repositoryRoot(), "dist", "main.js")], {
    cwd: repositoryRoot(),
    env: { ...process.env, CDKTF_OUTDIR: outdir, TRIPLICATE_LOCAL_STATE: stateDirectory },
    encoding: "utf8",
  });
  if (app.status !== 0) throw new Error(app.stderr || app.stdout);
  return stacksInOrder(outdir).filter(({ name }) => name.startsWith(`${environment}-`));
}

/** The synthesized stacks, each after those that it depends on. */
export function stacksInOrder(outdir: string): SynthesizedStack[] {
  const { stacks } = JSON.parse(readFileSync(join(outdir, "manifest.json"), "utf8")) as Manifest;
  const ordered = new Set<string>();
  const visit = (name: string): void => {
    stacks[name].dependencies.forEach(visit);
    ordered.add(name);
  };
  Object.keys(stacks).forEach(visit);
  return [...ordered].map((name) => ({ name, directory: join(outdir, stacks[name].workingDirectory) }));
}
