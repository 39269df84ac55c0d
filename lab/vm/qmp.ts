import type { Duplex } from "node:stream";
import { createInterface } from "node:readline";

interface Message {
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

type Listener = (message: Message) => void;

/** QEMU's control channel. Calls reject once QEMU is gone. */
export class Qmp {
  private readonly listeners = new Set<Listener>();
  private isOpen = true;
  private lastId = 0;

  constructor(private readonly stream: Duplex) {
    const lines = createInterface({ input: stream });
    lines.on("error", () => undefined);
    lines.on("line", (line) => {
      const message = JSON.parse(line) as Message;
      for (const listener of [...this.listeners]) listener(message);
    });
    stream.on("error", () => undefined);
    stream.on("close", () => {
      this.isOpen = false;
      for (const listener of [...this.listeners]) listener({ error: { desc: "the machine is off" } });
    });
  }

  /** Has to be the first call. */
  async negotiate(): Promise<void> {
    await this.execute("qmp_capabilities");
  }

  execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const id = ++this.lastId;
    const answer = this.next(`${command}: no answer`, 60, (message) => message.id === id);
    this.stream.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    return answer.then((message) => message.return);
  }

  /** Resolves when a device has been given up by the guest. Ask for it before the removal. */
  async deviceDeleted(device: string, seconds: number): Promise<void> {
    await this.next(`the machine does not release ${device}`, seconds, ({ event, data }) => {
      return event === "DEVICE_DELETED" && data?.device === device;
    });
  }

  private next(complaint: string, seconds: number, accepts: (message: Message) => boolean): Promise<Message> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(patience);
        this.listeners.delete(listener);
        act();
      };
      const listener = (message: Message): void => {
        const isMine = accepts(message);
        if (message.error && (isMine || message.id === undefined)) settle(() => reject(new Error(message.error?.desc)));
        else if (isMine) settle(() => resolve(message));
      };
      const patience = setTimeout(() => settle(() => reject(new Error(complaint))), seconds * 1000);
      this.listeners.add(listener);
      if (!this.isOpen) listener({ error: { desc: "the machine is off" } });
    });
  }
}
