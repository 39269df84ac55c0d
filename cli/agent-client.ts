import { Agent, buildConnector, request } from "undici";

/** What a machine says of itself and its role at `/health`. */
export interface MachineHealth {
  readonly machine: string;
  readonly role: string;
  readonly dataCenter: string;
  readonly status: "healthy" | "forming" | "ill" | "leaving" | "left";
  /** Whether its quorum cluster was ever complete; always true for roles without quorum. */
  readonly formed: boolean;
  readonly reasons: readonly string[];
}

/** How far a machine is with leaving. */
export interface LeaveProgress {
  readonly state: "here" | "leaving" | "left" | "failed";
  readonly reason: string;
  readonly steps: readonly { readonly name: string; readonly state: "running" | "done" | "failed"; readonly reason: string }[];
}

/** Whom to ask, and as whom. */
export interface AgentClientProps {
  /** The machine's address; its certificate must hold it as an IP SAN. */
  readonly address: string;
  readonly port: number;
  /** Certificate authorities to trust, as PEM. */
  readonly ca: string;
  /** The client's own certificate, as PEM. */
  readonly certificate: string;
  readonly key: string;
  /**
   * Seconds for connecting, and again for the answer.
   *
   * A machine may need 7 s: its checks take up to 5 s and its peers up to 2 s.
   *
   * @default 10
   */
  readonly timeoutSeconds?: number;
}

/** Nobody answers at the address: the machine, its network or its agent is down. */
export class AgentUnreachable extends Error {
  override readonly name = "AgentUnreachable";
}

/** Somebody answers, but not as an agent that accepts us: a wrong certificate on either side, or no permission. */
export class AgentRefused extends Error {
  override readonly name = "AgentRefused";
}

/** A health agent as seen by an operator: mutual TLS 1.3, one machine per client, one connection per question. */
export class AgentClient {
  private readonly origin: string;
  private readonly dispatcher: Agent;
  private hasConnected = false;

  constructor(props: AgentClientProps) {
    const milliseconds = (props.timeoutSeconds ?? 10) * 1000;
    this.origin = `https://${props.address}:${props.port}`;
    const identity = { ca: props.ca, cert: props.certificate, key: props.key };
    const connect = buildConnector({ ...identity, minVersion: "TLSv1.3", timeout: milliseconds });
    this.dispatcher = new Agent({
      connect: (options, callback) => {
        this.hasConnected = false;
        connect(options, (...result) => {
          this.hasConnected = result[0] === null;
          callback(...result);
        });
      },
      headersTimeout: milliseconds,
      bodyTimeout: milliseconds,
      pipelining: 0, // no connection is kept: an agent that was restarted would reset it under the next question
    });
  }

  /** Asks how the machine is; an ill machine is an answer, not an error. */
  getHealth(): Promise<MachineHealth> {
    return this.ask<MachineHealth>("GET", "/health", ["machine", "status", "reasons"]);
  }

  /** Asks how far the machine is with leaving. */
  getLeave(): Promise<LeaveProgress> {
    return this.ask<LeaveProgress>("GET", "/leave", ["state", "steps"]);
  }

  /** Tells the machine to leave; repeating it is safe, and tries again after a failure. */
  postLeave(): Promise<Pick<LeaveProgress, "state">> {
    return this.ask<Pick<LeaveProgress, "state">>("POST", "/leave", ["state"]);
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async ask<Answer>(method: "GET" | "POST", path: string, keys: readonly string[]): Promise<Answer> {
    let status: number;
    let text: string;
    try {
      const response = await request(this.origin + path, { method, dispatcher: this.dispatcher });
      status = response.statusCode;
      text = await response.body.text();
    } catch (error) {
      throw explain(error, this.hasConnected);
    }
    const answer = parse(text);
    if (![200, 202, 503].includes(status) || answer === undefined || keys.some((key) => !(key in answer))) {
      throw new AgentRefused(`${method} ${path} answered ${status}: ${String(answer?.error ?? "not an agent's answer")}`);
    }
    return answer as Answer;
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === "object" && answer !== null ? (answer as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** With TLS 1.3 a server refuses a client's certificate only after the client has seen the handshake succeed. */
function explain(error: unknown, hasConnected: boolean): Error {
  const { code = "", message = String(error) } = Object(error) as { code?: string; message?: string };
  const shown = `${message}${code ? ` (${code})` : ""}`;
  if (/^ERR_(SSL|TLS)|^EPROTO$|CERT|ISSUER|SIGNATURE/.test(code)) return new AgentRefused(`TLS: ${shown}`);
  const isClosed = /^(UND_ERR_SOCKET|ECONNRESET|EPIPE)$/.test(code);
  return hasConnected && isClosed ? new AgentRefused(`closed the connection: ${shown}`) : new AgentUnreachable(shown);
}
