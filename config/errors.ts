/**
 * One thing that is wrong with a description. All four texts are lower case, without a full stop, and end up on one line.
 */
export interface Problem {
  /** Where it is in the description, as it would be written in TypeScript: `pools.postgres.volumes[0].sizeGb`. */
  readonly path: string;

  /** The value that was found there, as JSON, or what was found in words. */
  readonly got: string;

  /** The values that would have been accepted. */
  readonly allowed: string;

  /** What to do about it. */
  readonly fix: string;
}

/**
 * A mistake in a description, made by the person who wrote it.
 *
 * It carries every problem that could be found, so that nobody has to run a synth once per typing error. A command line
 * shows `message` alone: the stack trace would point into this library, where nothing is wrong.
 */
export class ConfigError extends Error {
  /** Always "ConfigError", also where two copies of this module are loaded and `instanceof` would fail. */
  public override readonly name = "ConfigError";

  /** Every problem found, in the order of the rules; at least one. */
  public readonly problems: readonly Problem[];

  /**
   * @param subject what the problems are in, `environment 'dev'`
   * @param problems every problem found
   */
  public constructor(subject: string, problems: readonly Problem[]) {
    super([headline(subject, problems.length), ...problems.map((problem) => `  ${formatProblem(problem)}`)].join("\n"));
    this.problems = Object.freeze([...problems]);
  }
}

/** The one line that stands for a problem in messages: path, value got, values allowed, fix. */
export function formatProblem(problem: Problem): string {
  return `${problem.path}: got ${problem.got}, allowed: ${problem.allowed}; ${problem.fix}`;
}

function headline(subject: string, count: number): string {
  return `${subject} has ${count} ${count === 1 ? "problem" : "problems"}`;
}
