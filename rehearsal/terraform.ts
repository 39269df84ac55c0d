import { ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

/** How a Terraform command ended. */
export interface TerraformResult {
  readonly exitCode: number;
  /** Standard output and error, in the order in which they came. */
  readonly output: string;
  readonly seconds: number;
}

/** What a plan would change, as counts and by resource address. */
export interface PlannedChanges {
  readonly add: number;
  readonly change: number;
  readonly destroy: number;
  /** For each address that changes: `create`, `update`, `delete`, `delete+create`. Data sources are left out. */
  readonly actions: Readonly<Record<string, string>>;
}

interface ResourceChange {
  readonly address: string;
  readonly mode: string;
  readonly change: { readonly actions: readonly string[] };
}

/** The root of this repository: the nearest folder with `cdktf.json`. */
export function repositoryRoot(): string {
  let directory = __dirname;
  while (!existsSync(join(directory, "cdktf.json"))) directory = dirname(directory);
  return directory;
}

/** The Terraform or OpenTofu on the path, by name; `undefined` if there is none. */
export function terraformBinary(): string | undefined {
  const candidates = [process.env.TERRAFORM_BINARY_NAME, "terraform", "tofu"];
  return candidates.find((name) => name && spawnSync(name, ["version"], { stdio: "ignore" }).status === 0);
}

/**
 * The environment variables under which Terraform finds its providers: a mirror beside the repository or named by
 * `TRIPLICATE_PROVIDER_MIRROR` where there is one, else the registry. Unpacked providers are kept in the user's cache.
 */
export function terraformEnvironment(): Record<string, string> {
  const cache = join(homedir(), ".cache", "triplicate");
  const plugins = join(cache, "terraform-plugins");
  mkdirSync(plugins, { recursive: true });
  const common = {
    CHECKPOINT_DISABLE: "1",
    TF_IN_AUTOMATION: "1",
    TF_INPUT: "0",
    TF_PLUGIN_CACHE_DIR: plugins,
    TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE: "1",
  };
  const mirror = process.env.TRIPLICATE_PROVIDER_MIRROR ?? resolve(repositoryRoot(), "..", "shared", "terraform-providers");
  if (!existsSync(mirror)) return common;
  const text = [
    "provider_installation {",
    "  filesystem_mirror {",
    `    path    = ${JSON.stringify(mirror)}`,
    '    include = ["registry.terraform.io/*/*"]',
    "  }",
    "}",
    "disable_checkpoint = true",
    "",
  ].join("\n");
  const file = join(cache, `terraform-${createHash("sha256").update(text).digest("hex").slice(0, 8)}.rc`);
  if (!existsSync(file)) {
    writeFileSync(`${file}.${process.pid}`, text);
    renameSync(`${file}.${process.pid}`, file); // others may read it at any moment
  }
  return { ...common, TF_CLI_CONFIG_FILE: file };
}

/** The commands that reach machines: data sources ask them for their health, provisioners ask them to leave. */
const TALKING: ReadonlySet<string> = new Set(["plan", "apply", "destroy"]);

const running = new Set<ChildProcess>();

/** Asks every Terraform that runs to stop, as Ctrl-C would: it finishes what it has begun and writes its state. */
export function interruptTerraform(): void {
  running.forEach((child) => child.kill("SIGINT"));
}

/** Terraform in the directory of one stack. */
export class Terraform {
  /**
   * @param directory The stack's directory, with `cdk.tf.json`.
   * @param environment Variables beside the process's own.
   * @param enter Words before commands that talk to machines, so that they run in the machines' network; `init` may need the registry.
   * @param binary The program.
   */
  constructor(
    public readonly directory: string,
    private readonly environment: Readonly<Record<string, string>>,
    private readonly enter: readonly string[] = [],
    private readonly binary = terraformBinary() ?? "terraform",
  ) {}

  public init(): Promise<TerraformResult> {
    return this.run(["init", "-input=false"]);
  }

  public validate(): Promise<TerraformResult> {
    return this.run(["validate", "-json"]);
  }

  /** Plans; exit code 0: no changes, 2: changes, 1: refused or failed. The plan is kept for {@link apply}. */
  public plan(variables: Readonly<Record<string, string>> = {}, ...options: string[]): Promise<TerraformResult> {
    return this.run(["plan", "-detailed-exitcode", "-out=plan.tfplan", ...options], variables);
  }

  /** What the kept plan would change. */
  public async changes(): Promise<PlannedChanges> {
    const { output } = await this.run(["show", "-json", "plan.tfplan"]);
    const changes = (JSON.parse(output) as { resource_changes?: ResourceChange[] }).resource_changes ?? [];
    const changing = changes.filter(({ mode, change }) => mode === "managed" && !["no-op", "read"].includes(change.actions[0]));
    const count = (action: string) => changing.filter(({ change }) => change.actions.includes(action)).length;
    return {
      add: count("create"),
      change: count("update"),
      destroy: count("delete"),
      actions: Object.fromEntries(changing.map(({ address, change }) => [address, change.actions.join("+")])),
    };
  }

  /** Applies the kept plan. */
  public apply(variables: Readonly<Record<string, string>> = {}): Promise<TerraformResult> {
    return this.run(["apply", "plan.tfplan"], variables);
  }

  public destroy(variables: Readonly<Record<string, string>> = {}): Promise<TerraformResult> {
    return this.run(["destroy", "-auto-approve"], variables);
  }

  /** The state, parsed; `undefined` before the first apply. */
  public async state(): Promise<unknown> {
    const { output } = await this.run(["show", "-json"]);
    return JSON.parse(output);
  }

  private run(args: string[], variables: Readonly<Record<string, string>> = {}): Promise<TerraformResult> {
    const started = process.hrtime.bigint();
    const options = ["plan", "apply", "destroy", "init"].includes(args[0]) ? ["-no-color"] : [];
    const enter = TALKING.has(args[0]) ? this.enter : [];
    const [program, ...words] = [...enter, this.binary, args[0], ...options, ...args.slice(1)];
    const child = spawn(program, words, {
      cwd: this.directory,
      env: { ...process.env, ...this.environment, ...variables },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    return new Promise((done, fail) => {
      let output = "";
      const collect = (chunk: Buffer) => (output += chunk.toString());
      child.stdout.on("data", collect);
      child.stderr.on("data", collect);
      child.on("error", fail);
      child.on("close", (code) => {
        running.delete(child);
        done({ exitCode: code ?? 1, output, seconds: Number(process.hrtime.bigint() - started) / 1e9 });
      });
    });
  }
}
