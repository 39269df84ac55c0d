/** What the tests share: an instance without delay, and a client that shows status and body. */
import { startHetznerLocal, type HetznerLocal, type HetznerLocalOptions } from "../src/index";

export const TOKEN = "t".repeat(64);

export interface Answer {
  readonly status: number;
  // Tests read answers of many shapes; assertions say what they expect.
  readonly body: any; // eslint-disable-line @typescript-eslint/no-explicit-any
  readonly code?: string;
}

export class Client {
  constructor(readonly local: HetznerLocal, private readonly token = TOKEN) {}

  async call(method: string, path: string, body?: unknown, token = this.token): Promise<Answer> {
    const base = path.startsWith("/_control") ? this.local.origin : this.local.url;
    const response = await fetch(base + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const parsed = text === "" ? null : JSON.parse(text);
    return { status: response.status, body: parsed, code: parsed?.error?.code };
  }

  get(path: string): Promise<Answer> {
    return this.call("GET", path);
  }

  post(path: string, body: unknown = {}): Promise<Answer> {
    return this.call("POST", path, body);
  }

  /** POST that must succeed, and all its actions; gives the body. */
  async make(path: string, body: unknown = {}): Promise<any> { // eslint-disable-line @typescript-eslint/no-explicit-any
    const answer = await this.post(path, body);
    if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    await this.local.settle();
    return answer.body;
  }

  async network(name = "net"): Promise<number> {
    const { network } = await this.make("/networks", { name, ip_range: "10.0.0.0/16" });
    await this.make(`/networks/${network.id}/actions/add_subnet`, { type: "cloud", ip_range: "10.0.1.0/24", network_zone: "eu-central" });
    return network.id;
  }

  async server(name: string, more: object = {}): Promise<any> { // eslint-disable-line @typescript-eslint/no-explicit-any
    return (await this.make("/servers", serverBody(name, more))).server;
  }

  async volume(name: string, more: object = {}): Promise<any> { // eslint-disable-line @typescript-eslint/no-explicit-any
    return (await this.make("/volumes", { name, size: 10, location: "fsn1", ...more })).volume;
  }
}

export function serverBody(name: string, more: object = {}): object {
  return { name, server_type: "cx23", image: "debian-13", location: "fsn1", public_net: { enable_ipv4: true, enable_ipv6: false }, ...more };
}

export async function startClient(options: HetznerLocalOptions = {}): Promise<Client> {
  return new Client(await startHetznerLocal({ actionDelayMs: 0, projects: { test: TOKEN }, ...options }));
}
