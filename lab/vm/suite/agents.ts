import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome } from "../process";
import { eventually } from "./wait";
import type { World } from "./world";

/** What a health agent answers. */
export interface AgentAnswer {
  /** The HTTP status; 0 if nobody answered. */
  readonly code: number;
  readonly body: string;
}

/** What the operator shows to health agents, as files. */
interface OperatorFiles {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** What was seen of machines that were asked all the time. */
interface Watched {
  readonly samples: number;
  /** The machines that were down when the most were, each with what it said. */
  readonly most: readonly string[];
}

/** Between two questions: an answer takes an emulated machine half a second of its only processor. */
const WATCH_PAUSE_MS = 2000;

const LIMITS = ["--silent", "--max-time", "20", "--write-out", "\\n%{http_code}"];

/** Whether an answer of `/member` says that its machine is well. */
export function isHealthy({ code, body }: AgentAnswer): boolean {
  return code === 200 && (JSON.parse(body) as { status: string }).status === "healthy";
}

/** The health agents of a world's machines, asked as their users ask them. */
export class Agents {
  constructor(private readonly world: World) {}

  /** Asks a machine's agent as the operator does, from outside. */
  public async ask(machine: string, path: string): Promise<AgentAnswer> {
    return this.askAs(this.operator(), machine, path);
  }

  /** Asks a machine's own agent about itself, from inside: workers answer nobody outside. */
  public async askInside(machine: string): Promise<AgentAnswer> {
    const tls = "/run/triplicate/tls";
    const own = "$(python3 -c 'import json; print(json.load(open(\"/etc/triplicate/machine.json\"))[\"address\"])')";
    const secured = `--cacert ${tls}/ca.pem --cert ${tls}/machine.pem --key ${tls}/machine.key`;
    return answerOf(await this.world.lab.exec(machine, `curl ${LIMITS.map((word) => `'${word}'`).join(" ")} ${secured} https://${own}:9443/member`));
  }

  /** Waits until a machine says that it is well; throws with what it said last. */
  public async healthy(machine: string, timeoutSeconds = 600): Promise<void> {
    await eventually(() => this.ask(machine, "/member"), isHealthy, { timeoutSeconds, what: `${machine} to be healthy` });
  }

  /** The same, asked from inside. */
  public async healthyInside(machine: string, timeoutSeconds: number): Promise<void> {
    await eventually(() => this.askInside(machine), isHealthy, { timeoutSeconds, intervalSeconds: 3, what: `${machine} to be healthy` });
  }

  /** Waits until a machine says that it is ill for a reason that contains a text; its reasons. */
  public async ill(machine: string, reason: string, timeoutSeconds = 120): Promise<string> {
    const says = ({ body }: AgentAnswer) => body.includes('"ill"') && body.includes(reason);
    const { body } = await eventually(() => this.ask(machine, "/member"), says, { timeoutSeconds, what: `${machine} to be ill: ${reason}` });
    return (JSON.parse(body) as { reasons: string[] }).reasons.join("; ");
  }

  /**
   * Asks machines for their health all the time, until the returned function is called. An answer may come late, or not
   * while a machine is replaced by another: more than one is down when they are so twice in a row.
   */
  public watch(machines: readonly string[]): () => Promise<Watched> {
    // once: Terraform rewrites the state in which they are
    const files = this.operator();
    let [samples, isOver] = [0, false];
    let most: readonly string[] = [];
    const whyDown = (machine: string) => this.askAs(files, machine, "/member").then((answer) => (isHealthy(answer) ? "" : answer.body || "no answer")).catch(String);
    const downOf = async (asked: readonly string[]) => {
      const reasons = await Promise.all(asked.map(whyDown));
      return asked.map((machine, index) => `${machine}: ${reasons[index]}`).filter((_, index) => reasons[index] !== "");
    };
    const watching = (async () => {
      while (!isOver) {
        let down = await downOf(machines);
        samples += 1;
        if (down.length > 1) {
          await sleep(WATCH_PAUSE_MS);
          down = await downOf(machines);
        }
        if (down.length > most.length) most = down;
        await sleep(WATCH_PAUSE_MS);
      }
    })();
    return async () => {
      isOver = true;
      await watching;
      return { samples, most };
    };
  }

  private async askAs({ ca, certificate, key }: OperatorFiles, machine: string, path: string): Promise<AgentAnswer> {
    const url = `https://${this.world.machine(machine).publicIpv4}:9443${path}`;
    return answerOf(await this.world.lab.run(["curl", ...LIMITS, "--cacert", ca, "--cert", certificate, "--key", key, url], { source: "operator" }));
  }

  private operator(): OperatorFiles {
    const { operator } = this.world.outputs("foundation").fsn1 as { operator: { trustBundle: string; certificate: string; privateKey: string } };
    const folder = join(this.world.directory, "operator");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const files = { ca: join(folder, "ca.pem"), certificate: join(folder, "operator.pem"), key: join(folder, "operator.key") };
    writeFileSync(files.ca, operator.trustBundle);
    writeFileSync(files.certificate, operator.certificate);
    writeFileSync(files.key, operator.privateKey, { mode: 0o600 });
    return files;
  }
}

/** Of curl's output: the body, and the status on a line of its own. */
function answerOf({ stdout }: Outcome): AgentAnswer {
  const lines = stdout.trimEnd().split("\n");
  return { code: Number(lines.pop()), body: lines.join("\n") };
}
