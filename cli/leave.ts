import { createSecureContext } from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";

import { AgentClient, AgentUnreachable, type LeaveProgress, type MachineHealth } from "./agent-client";

/** A machine's name and the address at which operators reach its agent. */
interface Member {
  readonly name: string;
  readonly address: string;
}

/** The content of `TRIPLICATE_LEAVE`: which machine is to leave, and what is needed to ask it. */
export interface LeaveRequest {
  readonly machine: string;
  readonly address: string;
  readonly port: number;
  /** Whether the machine is a member of a quorum cluster. */
  readonly quorum: boolean;
  /** The other quorum members of its role. */
  readonly members: readonly Member[];
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

interface Settings {
  readonly request: LeaveRequest;
  readonly teardown: boolean;
  /** Machines that may be given up unasked if they don't answer. */
  readonly without: readonly string[];
  readonly timeoutSeconds: number;
}

/** The caller set the environment wrongly: nothing was asked of any machine. */
export class LeaveSettingsError extends Error {
  override readonly name = "LeaveSettingsError";
}

/** The machine must not leave, or did not: shown as it is, without a stack trace. */
class LeaveRefusal extends Error {}

const TRIES = 3;
const POLL_MILLISECONDS = 1000;
/** Between two questions to members that are ill: one slow round of checks is no reason to refuse. */
const ILL_MILLISECONDS = 2000;
const LOST_POLLS = 5;

/**
 * Asks a machine to leave and waits until it has left: what a Terraform destroy provisioner runs before volumes are detached.
 *
 * All input comes from the environment (`TRIPLICATE_LEAVE` and its relatives), because it holds a private key. Nothing of
 * it is printed. Throws `LeaveSettingsError` if the environment is wrong.
 *
 * @returns 0 if the machine has left or may be given up, 1 if not
 */
export async function leave(environment: NodeJS.ProcessEnv, print: (line: string) => void): Promise<number> {
  const settings = readSettings(environment);
  try {
    await perform(settings, print);
    return 0;
  } catch (error) {
    if (!(error instanceof LeaveRefusal)) throw error;
    print(error.message);
    return 1;
  }
}

async function perform(settings: Settings, print: (line: string) => void): Promise<void> {
  const { request, teardown } = settings;
  const machine = clientOf(request, request.address);
  try {
    const before = await reach(() => machine.getLeave());
    if (isAnswer(before) && before.state === "left") return print(`${request.machine} has already left`);
    if (request.quorum && !teardown) await requireHealthyMembers(request, machine, print);
    if (isAnswer(before)) await leaveAndWait(settings, machine, print);
    else giveUp(settings, before, print);
  } finally {
    await machine.close();
  }
}

/** Refuses unless every other member is healthy: with one machine leaving, those must hold the quorum. */
async function requireHealthyMembers(
  request: LeaveRequest,
  machine: AgentClient,
  print: (line: string) => void,
): Promise<void> {
  let answers = await askMembers(request);
  for (let attempt = 1; attempt < TRIES && !answers.every(({ healthy }) => healthy); attempt++) {
    await sleep(ILL_MILLISECONDS);
    answers = await askMembers(request);
  }
  const bad = answers.filter(({ healthy }) => !healthy);
  if (bad.length === 0) return;
  if (!answers.some(({ answer }) => isAnswer(answer) && answer.formed)) {
    const own = await reach(() => machine.getHealth());
    if (isAnswer(own) && own.status === "forming") {
      return print(`${request.machine} may leave: the cluster of its role has never been complete`);
    }
  }
  throw new LeaveRefusal(
    `refused: ${request.machine} must not leave while ${bad.map(({ name, answer }) => describe(name, answer)).join("; ")}; ` +
      "nothing was detached. Bring these machines back first, then apply again; " +
      "if the whole environment is to go, apply with TF_VAR_teardown=true",
  );
}

async function askMembers(request: LeaveRequest): Promise<{ name: string; answer: MachineHealth | Error; healthy: boolean }[]> {
  return Promise.all(
    request.members.map(async ({ name, address }) => {
      const client = clientOf(request, address);
      const answer = await reach(() => client.getHealth()).finally(() => client.close());
      return { name, answer, healthy: isAnswer(answer) && answer.machine === name && answer.status === "healthy" };
    }),
  );
}

async function leaveAndWait(settings: Settings, machine: AgentClient, print: (line: string) => void): Promise<void> {
  const { request, timeoutSeconds } = settings;
  const deadline = Date.now() + timeoutSeconds * 1000;
  let lost = 0;
  let asked = false;
  let shown = "";
  for (;;) {
    const progress = await reach(async () => {
      if (!asked) await machine.postLeave();
      asked = true;
      return machine.getLeave();
    }, 1);
    if (!isAnswer(progress)) {
      if (++lost >= LOST_POLLS || Date.now() > deadline) return giveUp(settings, progress, print);
    } else {
      lost = 0;
      if (progress.state === "left") return print(`${request.machine} has left`);
      if (progress.state === "failed") throw new LeaveRefusal(failure(request.machine, progress.reason));
      const step = progress.steps.at(-1)?.name ?? "starting";
      if (step !== shown) print(`${request.machine} is leaving: ${step}`);
      shown = step;
    }
    if (Date.now() > deadline) {
      throw new LeaveRefusal(
        `failed: ${request.machine} has not left after ${timeoutSeconds} s (at ${shown || "the start"}); nothing was detached. ` +
          "It goes on by itself: apply again to go on waiting, or wait longer with TRIPLICATE_LEAVE_TIMEOUT_SECONDS",
      );
    }
    await sleep(POLL_MILLISECONDS);
  }
}

function failure(machine: string, reason: string): string {
  return (
    `failed: ${machine} could not leave: ${reason}; nothing was detached. ` +
    "Find the cause on its console, then apply again: the leave steps are run again from the first"
  );
}

/** The machine can't be asked: that is the end, unless someone has said that it may be given up. */
function giveUp(settings: Settings, error: Error, print: (line: string) => void): void {
  const { request, teardown, without } = settings;
  const why = `${request.machine} cannot be asked to leave: ${error.message}`;
  if (!(error instanceof AgentUnreachable)) {
    throw new LeaveRefusal(
      `failed: ${why}; nothing was detached. The machine runs, so it is not given up: check the operator's certificate, ` +
        "or power the machine off and apply again",
    );
  }
  if (teardown) return print(`warning: ${why}; going on, because the environment is torn down`);
  if (without.includes(request.machine)) return print(`warning: ${why}; going on without it, as TRIPLICATE_LEAVE_WITHOUT says`);
  throw new LeaveRefusal(
    `failed: ${why}; nothing was detached. If it is only out of reach, bring it back and apply again; if it is dead, make ` +
      `sure that it is powered off and apply again with TRIPLICATE_LEAVE_WITHOUT=${request.machine}`,
  );
}

function describe(name: string, answer: MachineHealth | Error): string {
  if (!isAnswer(answer)) return `${name} is unreachable: ${answer.message}`;
  if (answer.machine !== name) return `${name} is unreachable: ${answer.machine} answers at its address`;
  return `${name} is ${answer.status}${answer.reasons.length > 0 ? `: ${answer.reasons.join(", ")}` : ""}`;
}

/** Asks a few times, because a connection may break; returns the last error instead of throwing it. */
async function reach<Answer extends MachineHealth | LeaveProgress>(
  ask: () => Promise<Answer>,
  tries = TRIES,
): Promise<Answer | Error> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (attempt >= tries) return error;
      await sleep(POLL_MILLISECONDS / 2);
    }
  }
}

function isAnswer<Answer extends object>(answer: Answer | Error): answer is Exclude<Answer, Error> {
  return !(answer instanceof Error);
}

function clientOf(request: LeaveRequest, address: string): AgentClient {
  return new AgentClient({ ...request, address });
}

function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const problems: string[] = [];
  const request = readRequest(environment.TRIPLICATE_LEAVE, problems);
  const timeoutSeconds = Number(environment.TRIPLICATE_LEAVE_TIMEOUT_SECONDS || 600);
  if (!(timeoutSeconds > 0)) problems.push("TRIPLICATE_LEAVE_TIMEOUT_SECONDS is not a number of seconds above 0");
  if (request === undefined || problems.length > 0) throw new LeaveSettingsError(problems.join("; "));
  const without = (environment.TRIPLICATE_LEAVE_WITHOUT ?? "").split(",").map((name) => name.trim());
  return { request, teardown: environment.TF_VAR_teardown === "true", without, timeoutSeconds };
}

/** Parses by hand: a message of JSON.parse, or of a validator, would quote the private key. */
function readRequest(text: string | undefined, problems: string[]): LeaveRequest | undefined {
  if (text === undefined || text === "") return void problems.push("TRIPLICATE_LEAVE is not set");
  let found: Record<string, unknown>;
  try {
    found = Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return void problems.push("TRIPLICATE_LEAVE is not JSON");
  }
  const need = (key: keyof LeaveRequest, what: string, valid: (value: unknown) => boolean): void => {
    if (!valid(found[key])) problems.push(`TRIPLICATE_LEAVE: '${key}' ${key in found ? "is not" : "is missing:"} ${what}`);
  };
  need("machine", "a machine's name", isText);
  need("address", "an address", isText);
  need("port", "a port", (value) => Number.isInteger(value) && Number(value) > 0 && Number(value) < 65536);
  need("quorum", "true or false", (value) => typeof value === "boolean");
  need("members", "a list of { name, address }", (value) => Array.isArray(value) && value.every(isMember));
  need("ca", "PEM", isPem);
  need("certificate", "PEM", isPem);
  need("key", "PEM", isPem);
  if (problems.length > 0) return undefined;
  const request = found as unknown as LeaveRequest;
  try {
    createSecureContext({ ca: request.ca, cert: request.certificate, key: request.key });
  } catch {
    return void problems.push("TRIPLICATE_LEAVE: 'ca', 'certificate' and 'key' do not make a TLS identity together");
  }
  return request;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isPem(value: unknown): boolean {
  return isText(value) && value.includes("-----BEGIN ");
}

function isMember(value: unknown): boolean {
  const { name, address } = Object(value) as Record<string, unknown>;
  return isText(name) && isText(address);
}
