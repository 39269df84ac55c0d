import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { App } from "cdktf";

import type { Environment } from "../../config/environment";
import type { Role } from "../../config/roles";
import { ROLES } from "../../config/roles";
import { Host } from "../../constructs/host/host";
import { LocalCloud, localToken, startLocalCloud } from "../../rehearsal/cloud";
import { Deployed, Deployment } from "../../rehearsal/deployment";
import { stacksInOrder } from "../../rehearsal/synth";
import { repositoryRoot, Terraform, TerraformResult } from "../../rehearsal/terraform";
import { addEnvironment } from "../../stacks/environment";

/** What is done to an app between its construction and its synthesis. */
export type Change = (app: App) => void;

/** A volume or a primary address, as the API gives it. */
export interface Kept {
  readonly id: number;
  readonly name: string;
  readonly ip?: string;
  readonly server: number | null;
}

/** Asked this often, a gate that fails ends within seconds. */
const GATE_ATTEMPTS = "4";

/**
 * One environment in a local cloud, changed step by step: each description is synthesized into the same directories, so that
 * Terraform's state and providers stay, as they do for somebody who edits the description and deploys again.
 */
export class Scenario {
  private readonly ids = new Map<string, string>();

  private constructor(
    /** The environment's name, which is its project's too. */
    public readonly name: string,
    /** Below the repository: the leave step finds the command there. */
    public readonly directory: string,
    public readonly cloud: LocalCloud,
  ) {}

  /** Starts a local cloud with a project for the environment, and one for each of the others. */
  public static async start(name: string, others: readonly string[] = []): Promise<Scenario> {
    if (!existsSync(join(repositoryRoot(), "dist", "cli", "main.js"))) {
      throw new Error("the leave steps run the compiled command: npm run build");
    }
    const parent = join(repositoryRoot(), ".triplicate", "tests");
    mkdirSync(parent, { recursive: true });
    const directory = mkdtempSync(join(parent, `${name}-`));
    try {
      return new Scenario(name, directory, await startLocalCloud(join(directory, "cloud"), [name, ...others]));
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  public get api(): LocalCloud["api"] {
    return this.cloud.api;
  }

  /** Where the states are. */
  public get states(): string {
    return join(this.directory, "state");
  }

  /** Synthesizes a description; what it gives deploys it. Another world has directories and states of its own. */
  public describe(environment: Environment, change: Change = () => undefined, world = ""): Deployment {
    const outdir = join(this.directory, `${environment.name}${world}`);
    const directory = `${this.states}${world}`;
    for (const folder of [outdir, directory]) mkdirSync(folder, { recursive: true });
    const app = new App({ outdir });
    addEnvironment(app, quick(environment), { localState: { directory } });
    change(app);
    app.synth();
    return new SteadyDeployment(stacksInOrder(outdir), { ...this.cloud.environment, TF_VAR_gate_attempts: GATE_ATTEMPTS });
  }

  /** The bytes of a stack's configuration. */
  public configuration(deployment: Deployment, stack: string): string {
    return readFileSync(join(find(deployment, stack), "cdk.tf.json"), "utf8");
  }

  /** The bytes of a stack's state. */
  public state(stack: string): string {
    return readFileSync(join(this.states, `${stack}.tfstate`), "utf8");
  }

  /** An attribute of every resource of a type in a stack's state, by resource address. */
  public attributes(stack: string, type: string, attribute: string): Record<string, unknown> {
    const { resources } = JSON.parse(this.state(stack)) as { resources: StateResource[] };
    const named = resources.filter((resource) => resource.mode === "managed" && resource.type === type);
    return Object.fromEntries(
      named.flatMap(({ name, instances }) =>
        instances.map(({ index_key: key, attributes }) => [key === undefined ? name : `${name}["${key}"]`, attributes[attribute]]),
      ),
    );
  }

  /** Volumes or primary addresses, by name. */
  public async kept(path: "volumes" | "primary_ips"): Promise<Record<string, Kept>> {
    const response = await fetch(`${this.api.url}/${path}?per_page=50`, { headers: { Authorization: `Bearer ${localToken(this.name)}` } });
    const found = ((await response.json()) as Record<string, Kept[]>)[path];
    return Object.fromEntries(found.map((item) => [item.name, item]));
  }

  /** Where each machine is: its id, type and addresses, by name. */
  public machines(): Record<string, { id: number; serverType: string; privateIps: readonly string[]; publicIpv4: string | null }> {
    return Object.fromEntries(
      this.api
        .snapshot(this.name)
        .servers.map(({ id, name, serverType, privateIps, publicIpv4 }) => [name, { id, serverType, privateIps, publicIpv4 }]),
    );
  }

  /** The names of the machines in a data center, sorted. */
  public machinesIn(location: string): string[] {
    const { servers } = this.api.snapshot(this.name);
    return servers
      .filter((server) => server.location === location)
      .map(({ name }) => name)
      .sort();
  }

  /** Forgets what was asked of the cloud so far, and learns the names of what exists. */
  public async listen(): Promise<void> {
    await this.learn();
    this.api.clearRequests();
  }

  /**
   * What changed the cloud since {@link listen}, in order: `create server dev-fsn1-worker-1`, `detach volume …`. A request
   * that was refused ends with its status; those that met a lock (423) are left out, the provider repeats them.
   */
  public async asked(): Promise<string[]> {
    await this.learn();
    return this.api.requests().filter(({ status }) => status !== 423).map(({ method, path, body, status }) => {
      const [, , kind, id, , action] = path.split("/");
      const what = kind.replace(/s$/, "");
      const verb = action ?? { POST: "create", PUT: "update", DELETE: "delete" }[method] ?? method;
      const name = id === undefined ? String(body.name) : (this.ids.get(`${kind}/${id}`) ?? id);
      return `${verb} ${what} ${name}${status >= 400 ? ` (${status})` : ""}`;
    });
  }

  /** What the agent of a machine wrote, over all lives of its name. */
  public agentLog(machine: string, id: number): string {
    return readFileSync(join(this.directory, "cloud", "machines", `${machine}-${id}`, "agent.log"), "utf8");
  }

  /** Ends the cloud and removes everything. */
  public async close(): Promise<void> {
    try {
      await this.cloud.close();
    } finally {
      rmSync(this.directory, { recursive: true, force: true });
    }
  }

  /** Ids by name, as long as they are known: what is gone keeps its name. */
  private async learn(): Promise<void> {
    for (const { id, name } of this.api.snapshot(this.name).servers) this.ids.set(`servers/${id}`, name);
    for (const path of ["volumes", "primary_ips"] as const) {
      for (const { id, name } of Object.values(await this.kept(path))) this.ids.set(`${path}/${id}`, name);
    }
  }
}

interface StateResource {
  readonly mode: string;
  readonly type: string;
  readonly name: string;
  readonly instances: readonly { readonly index_key?: string; readonly attributes: Record<string, unknown> }[];
}

/** A deployment whose stacks are initialized once in their directory, not once per description. */
class SteadyDeployment extends Deployment {
  public override async terraform(name: string): Promise<Terraform> {
    const directory = find(this, name);
    if (!existsSync(join(directory, ".terraform"))) return super.terraform(name);
    return new Terraform(directory, this.variables);
  }

  constructor(
    stacks: Deployment["stacks"],
    private readonly variables: Readonly<Record<string, string>>,
  ) {
    super(stacks, variables);
  }

  public override async plan(name: string, variables: Readonly<Record<string, string>> = {}): Promise<TerraformResult> {
    const result = await super.plan(name, variables);
    this.assertNoSecret(result.output, variables);
    return result;
  }

  public override async deploy(name: string, variables: Readonly<Record<string, string>> = {}): Promise<Deployed> {
    const deployed = await super.deploy(name, variables);
    this.assertNoSecret(deployed.printed, variables);
    return deployed;
  }

  public override async destroy(name: string, variables: Readonly<Record<string, string>> = {}): Promise<TerraformResult> {
    const result = await super.destroy(name, variables);
    this.assertNoSecret(result.output, variables);
    return result;
  }

  /** Whatever a scenario is about, Terraform must not print a secret in it: no private key, no token. */
  private assertNoSecret(printed: string, variables: Readonly<Record<string, string>>): void {
    const tokens = Object.entries({ ...this.variables, ...variables }).filter(([name]) => name.includes("token"));
    const found = ["PRIVATE KEY", ...tokens.map(([, token]) => token)].find((secret) => printed.includes(secret));
    if (found) throw new Error(`Terraform printed a secret after: ${printed.slice(0, printed.indexOf(found)).slice(-400)}`);
  }
}

function find({ stacks }: Deployment, name: string): string {
  const stack = stacks.find((candidate) => candidate.name === name);
  if (!stack) throw new Error(`there is no stack '${name}', only ${stacks.map((other) => other.name).join(", ")}`);
  return stack.directory;
}

/** The same environment, whose gates ask every second. */
function quick(environment: Environment): Environment {
  return { ...environment, gate: { ...environment.gate, intervalSeconds: 1 } };
}

/** Another number of machines in one data center. */
export function withCount(environment: Environment, role: Role, location: string, count: number): Environment {
  const pool = environment.pools[role];
  return { ...environment, pools: { ...environment.pools, [role]: { ...pool, count: { ...pool.count, [location]: count } } } };
}

/** The same environment, in which a data center is lost. */
export function withLost(environment: Environment, location: string): Environment {
  const dataCenters = environment.dataCenters.map((dataCenter) =>
    dataCenter.location === location ? { ...dataCenter, state: "lost" as const } : dataCenter,
  );
  return { ...environment, dataCenters };
}

/** A file more on every host of a role, in one data center or in all: what replaces them. */
export function withFile(role: Role, content: string, location = ""): Change {
  return (app) => {
    const hosts = app.node.findAll().filter((node): node is Host => node instanceof Host);
    const chosen = hosts.filter(({ name }) => name.includes(`${location}-${ROLES[role].slug}-`));
    for (const host of chosen) host.addFile({ path: "/etc/triplicate/changed-by-test", content: `${content}\n` });
  };
}

/** Each stack with how it ended: `dev-fsn1 applied`; throws with what Terraform said when that is not as expected. */
export function expectOutcomes(deployed: readonly Deployed[], expected: readonly string[]): void {
  const found = deployed.map(({ stack, outcome }) => `${stack} ${outcome}`);
  if (found.join() === expected.join()) return;
  const said = deployed.map(({ stack, outcome, output }) => `--- ${stack} ${outcome}\n${output.slice(-2500)}`).join("\n");
  throw new Error(`expected ${expected.join(", ")}; got ${found.join(", ")}\n${said}`);
}

/** That a plan is empty. */
export async function expectNoChanges(deployment: Deployment, stacks: readonly string[], variables: Record<string, string> = {}): Promise<void> {
  for (const stack of stacks) expectPlan(await deployment.plan(stack, variables), 0, stack);
}

/** That a plan was refused and says why. */
export function expectRefused(result: TerraformResult, reason: RegExp): void {
  expectPlan(result, 1, String(reason));
  expect(unwrapped(result.output)).toMatch(reason);
}

function expectPlan({ exitCode, output }: TerraformResult, expected: number, what: string): void {
  if (exitCode !== expected) throw new Error(`${what}: exit code ${exitCode}, expected ${expected}\n${output.slice(-4000)}`);
}

/** Terraform's output without the frame and the line breaks that it puts into messages. */
export function unwrapped(output: string): string {
  return output.replace(/[│╷╵]/g, "").replace(/\s+/g, " ");
}

/** The addresses of one machine without state in its stack: server and certificate. */
export function statelessAddresses(machine: string): string[] {
  return ["hcloud_server", "tls_cert_request", "tls_locally_signed_cert", "tls_private_key"].map((type) => `${type}.${machine}`);
}

/** The addresses of what goes when a machine with state is replaced. */
export function statefulAddresses(machine: string, volumes: readonly string[]): string[] {
  return [`hcloud_server.${machine}`, ...volumes.map((name) => `hcloud_volume_attachment.${name}`), `terraform_data.leave["${machine}"]`];
}

/** The same action for each address. */
export function all(action: string, addresses: readonly string[]): Record<string, string> {
  return Object.fromEntries(addresses.map((address) => [address, action]));
}

/** Runs something as soon as a condition holds, while something else is under way. */
export async function once(condition: () => boolean, act: () => Promise<void>, work: Promise<Deployed>): Promise<Deployed> {
  let isOver = false;
  const over = work.finally(() => (isOver = true));
  while (!isOver && !condition()) await sleep(50);
  const held = condition();
  if (held) await act();
  const deployed = await over;
  if (!held) throw new Error(`the condition never held while ${deployed.stack} was deployed:\n${deployed.output.slice(-2500)}`);
  return deployed;
}

/** The stacks that have a state. */
export function statesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith(".tfstate"))
    .map((file) => file.replace(".tfstate", ""))
    .sort();
}
