import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { stringify } from "yaml";

import { AgentClient, type AgentClientProps } from "../../cli/agent-client";
import { readAsset } from "../../constructs/host/assets";
import type { Leaf, Pki } from "./pki";

/** A machine of a test environment. */
export interface Slot {
  readonly name: string;
  readonly dataCenter: string;
  readonly role: string;
  readonly quorum: boolean;
  /** Private address. */
  readonly address: string;
  /** Loopback address on which its agent listens. */
  readonly publicIpv4: string;
}

/** A file on a machine. */
export interface PlacedFile {
  readonly path: string;
  readonly content: string;
  readonly permissions: string;
}

const PROGRAMS = "/usr/local/lib/triplicate";

/** The port of every agent in tests. */
export const PORT = 9443;

/** The files of the agent itself as they land on hosts, below the folder that they are in on a host. */
export function agentPrograms(): PlacedFile[] {
  return ["health-agent.py", "health_agent/local.py", "health_agent/cluster.py", "health_agent/metrics.py"].map((file) => ({
    path: `${PROGRAMS}/${file}`,
    content: readAsset(file),
    permissions: "0755",
  }));
}

/** What a machine's agent reads: its own data center, the quorum slots of all, and its certificate. */
export function agentFiles(slot: Slot, slots: readonly Slot[], pki: Pki, leaf?: Leaf): PlacedFile[] {
  const own = leaf ?? pki.issue(slot.name, [slot.address, slot.publicIpv4]);
  const known = slots.filter(({ dataCenter, quorum }) => dataCenter === slot.dataCenter || quorum);
  const machines = Object.fromEntries(
    known.map(({ name, address, dataCenter, role, quorum }) => [name, { address, dataCenter, role, quorum }]),
  );
  const { name, dataCenter, role, quorum, address } = slot;
  const machine = { environment: "dev", name, dataCenter, role, quorum, address, port: PORT, machines };
  return [
    { path: "/etc/triplicate/machine.json", content: JSON.stringify(machine), permissions: "0644" },
    { path: "/run/triplicate/tls/ca.pem", content: pki.ca, permissions: "0644" },
    { path: "/run/triplicate/tls/machine.pem", content: own.certificate, permissions: "0644" },
    { path: "/run/triplicate/tls/machine.key", content: own.key, permissions: "0600" },
  ];
}

/** The user_data that puts files on a machine. */
export function userDataOf(files: readonly object[]): string {
  return `#cloud-config\n${stringify({ write_files: files })}`;
}

/** An agent's client with a short time limit. */
export function clientFor(address: string, pki: Pki, leaf: Leaf, more: Partial<AgentClientProps> = {}): AgentClient {
  return new AgentClient({ address, port: PORT, ca: pki.ca, ...leaf, timeoutSeconds: 10, ...more });
}

/** Asks until the answer satisfies; fails with the last answer or error after a time. */
export async function eventually<Answer>(
  ask: () => Answer | Promise<Answer>,
  satisfies: (answer: Answer) => boolean,
  seconds = 10,
): Promise<Answer> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await Promise.resolve()
      .then(ask)
      .catch((error: unknown) => error as Error);
    if (!(answer instanceof Error) && satisfies(answer)) return answer;
    if (Date.now() > deadline) {
      throw new Error(`never happened: ${answer instanceof Error ? answer.message : JSON.stringify(answer)}`);
    }
    await sleep(100);
  }
}

/** The processes of a process group that still run; ended ones that nobody has waited for don't count. */
export function runningInGroup(group: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      const [state, , found] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
      return found === group.trim() && state !== "Z";
    } catch {
      return false;
    }
  });
}
