import type { Duplex } from "node:stream";
import { createInterface } from "node:readline";

import { type Outcome, sleep } from "./process";

interface ExecStatus {
  readonly exited: boolean;
  readonly exitcode?: number;
  readonly signal?: number;
  readonly "out-data"?: string;
  readonly "err-data"?: string;
}

interface Answer {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

/** Seconds that the agent has for one answer, beside the time that a program takes: it shares an emulated CPU. */
const ANSWER_SECONDS = 30;

/** Makes the agent forget half a request; only before a synchronization. */
const FLUSH = 0xff;

/** The agent inside a machine: the way to run programs in it without a network. Calls wait for each other. */
export class GuestAgent {
  private queue: Promise<unknown> = Promise.resolve();
  private hear: (line: string) => void = () => undefined;
  private isOpen = true;
  private lastId = Date.now() % 1e9;

  constructor(private readonly stream: Duplex) {
    // 0xFF before an answer only says that it is to a synchronization
    const lines = createInterface({ input: stream });
    lines.on("error", () => undefined);
    lines.on("line", (line) => this.hear(line.replace(/^[^{]*/, "")));
    stream.on("error", () => undefined);
    stream.on("close", () => {
      this.isOpen = false;
      this.hear("");
    });
  }

  /** Resolves when the agent answers, which it does once the machine has booted. */
  async ready(seconds: number): Promise<void> {
    await this.enqueue(() => this.synchronize(seconds));
  }

  /** Runs a command with bash. */
  async exec(command: string, timeoutSeconds = 120): Promise<Outcome> {
    const args = { path: "/bin/bash", arg: ["-c", command], "capture-output": true };
    const { pid } = (await this.call("guest-exec", args)) as { pid: number };
    const deadline = Date.now() + timeoutSeconds * 1000;
    for (let wait = 50; Date.now() < deadline; wait = Math.min(wait * 2, 1000)) {
      await sleep(wait);
      const status = (await this.call("guest-exec-status", { pid })) as ExecStatus;
      if (status.exited) return outcome(status);
    }
    throw new Error(`took longer than ${timeoutSeconds} s in the machine: ${command}`);
  }

  private call(execute: string, args: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.enqueue(async () => {
      await this.synchronize(ANSWER_SECONDS);
      const answer = await this.ask({ execute, arguments: args }, ANSWER_SECONDS, () => true);
      if (answer === undefined) throw new Error(`the guest agent does not answer ${execute}`);
      if (answer.error) throw new Error(`${execute}: ${answer.error.desc}`);
      return answer.return;
    });
  }

  /** Until the agent has answered the latest of these, all that it says belongs to an earlier conversation. */
  private async synchronize(seconds: number): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (Date.now() < deadline) {
      const id = ++this.lastId;
      this.stream.write(Buffer.of(FLUSH));
      const request = { execute: "guest-sync-delimited", arguments: { id } };
      if (await this.ask(request, 2, (answer) => answer.return === id)) return;
    }
    throw new Error(`the guest agent did not answer for ${seconds} s`);
  }

  /** Sends a request; undefined if no acceptable answer came in time. */
  private ask(request: object, seconds: number, accepts: (answer: Answer) => boolean): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(patience);
        this.hear = () => undefined;
        act();
      };
      const patience = setTimeout(() => settle(() => resolve(undefined)), seconds * 1000);
      this.hear = (line) => {
        if (!this.isOpen) return settle(() => reject(new Error("the machine is off")));
        const answer = parse(line);
        if (answer && accepts(answer)) settle(() => resolve(answer));
      };
      if (!this.isOpen) return this.hear("");
      this.stream.write(`${JSON.stringify(request)}\n`);
    });
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work, work);
    this.queue = result.catch(() => undefined);
    return result;
  }
}

function parse(line: string): Answer | undefined {
  try {
    return JSON.parse(line) as Answer;
  } catch {
    return undefined;
  }
}

function outcome(status: ExecStatus): Outcome {
  const text = (data = ""): string => Buffer.from(data, "base64").toString();
  return { exitCode: status.exitcode ?? 128 + (status.signal ?? 0), stdout: text(status["out-data"]), stderr: text(status["err-data"]) };
}
