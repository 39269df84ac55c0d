import { type ChildProcess, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { Agent, request } from "undici";

import { agentFiles, agentPrograms, eventually, PORT, runningInGroup, type Slot } from "../support/hosts";
import { freeLoopback, type Leaf, Pki } from "../support/pki";


interface Answer {
  readonly code: number;
  readonly body: {
    status?: string;
    state?: string;
    reason?: string;
    formed?: boolean;
    summary?: string;
    error?: string;
    reasons?: string[];
    steps?: { name: string; state: string; reason: string }[];
    machines?: Record<string, { status: string; reasons: string[] }>;
  };
}

/** A machine of the test: a root folder, and the agent's process. */
class Machine {
  readonly root: string;
  log = "";
  private child?: ChildProcess;

  constructor(
    readonly slot: Slot,
    directory: string,
    private readonly routes: string,
  ) {
    this.root = join(directory, slot.name);
  }

  install(slots: readonly Slot[], leaf?: Leaf): this {
    rmSync(this.root, { recursive: true, force: true });
    for (const { path, content } of agentFiles(this.slot, slots, pki, leaf)) this.write(path, content);
    return this;
  }

  write(path: string, content: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), content, { mode: 0o755 });
  }

  /** A check or leave step: a line of shell. */
  script(path: string, line: string): void {
    this.write(`/etc/triplicate/${path}`, `#!/bin/sh\n${line}\n`);
  }

  drop(path: string): void {
    rmSync(join(this.root, path), { force: true });
  }

  async start(): Promise<void> {
    const options = ["--root", this.root, "--listen", this.slot.publicIpv4, "--routes", this.routes];
    const environment = { ...process.env, PYTHONDONTWRITEBYTECODE: "1" };
    this.log = "";
    this.child = spawn("python3", [program, ...options], { stdio: ["ignore", "ignore", "pipe"], env: environment });
    this.child.stderr?.on("data", (data: Buffer) => (this.log += data.toString()));
    await eventually(
      () => this.log,
      (log) => log.includes("answers on"),
    );
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }
}

let pki: Pki;
let operator: Leaf;
let directory: string;
let program: string;
let range: string;
let slots: Slot[];
let silent: Socket[] = [];
const machines: Record<string, Machine> = {};
const agents: Agent[] = [];

const slot = (name: string, dataCenter: string, role: string, host: number): Slot => ({
  name,
  dataCenter,
  role,
  quorum: role === "postgres",
  address: `10.0.1.${host}`,
  publicIpv4: `${range}.${host}`,
});

function dialer(leaf: Leaf | undefined, ca = pki.ca): Agent {
  const agent = new Agent({ connect: { ca, cert: leaf?.certificate, key: leaf?.key, timeout: 5000 }, pipelining: 0 });
  agents.push(agent);
  return agent;
}

let asOperator: Agent;

async function ask(name: string, path: string, dispatcher = asOperator, method: "GET" | "POST" = "GET"): Promise<Answer> {
  const response = await request(`https://${machines[name]!.slot.publicIpv4}:${PORT}${path}`, { method, dispatcher });
  expect(response.headers["content-length"]).toBeDefined();
  return { code: response.statusCode, body: (await response.body.json()) as Answer["body"] };
}

const FRESH = 1100;
const pause = (milliseconds = FRESH): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

beforeAll(async () => {
  range = await freeLoopback();
  pki = new Pki();
  operator = pki.issue("operator");
  asOperator = dialer(operator);
  directory = mkdtempSync(join(tmpdir(), "triplicate-agent-"));
  for (const { path, content } of agentPrograms()) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  program = join(directory, agentPrograms()[0]!.path);
  slots = [
    slot("pg1", "fsn1", "postgres", 31),
    slot("pg2", "nbg1", "postgres", 32),
    slot("pg3", "hel1", "postgres", 33),
    slot("w1", "fsn1", "worker", 11),
    slot("w2", "fsn1", "worker", 12),
    slot("w9", "nbg1", "worker", 19),
  ];
  const routes = join(directory, "routes.json");
  writeFileSync(routes, "{}");
  for (const each of slots) machines[each.name] = new Machine(each, directory, routes);
  for (const name of ["pg1", "w1"]) await machines[name]!.install(slots).start();
  // Written after the agents have started: they must notice.
  writeFileSync(routes, JSON.stringify(Object.fromEntries(slots.map((each) => [each.address, each.publicIpv4]))));
}, 30_000);

afterAll(async () => {
  await Promise.all(Object.values(machines).map((machine) => machine.stop("SIGKILL")));
  await Promise.all(agents.map((agent) => agent.destroy()));
  rmSync(directory, { recursive: true, force: true });
  pki.close();
});

describe("a machine without quorum", () => {
  test("is healthy by its own checks", async () => {
    expect(await ask("w1", "/member")).toEqual({
      code: 200,
      body: { machine: "w1", formed: true, status: "healthy", reasons: [] },
    });
    expect(await ask("w1", "/health")).toEqual({
      code: 200,
      body: { machine: "w1", role: "worker", dataCenter: "fsn1", status: "healthy", formed: true, reasons: [] },
    });
    expect((await ask("w1", "/elsewhere")).code).toBe(404);
    expect((await ask("w1", "/health", asOperator, "POST")).code).toBe(404);
  });

  test("is ill with the first line of each failing check, in name order, and after a hung one's time limit", async () => {
    const w1 = machines.w1!;
    w1.script("health.d/20-disk", "echo 'disk full'; echo 'more'; exit 3");
    w1.script("health.d/10-quiet", "exit 4");
    w1.script("health.d/30-well", "echo 'fine'");
    await pause();
    expect((await ask("w1", "/health")).body).toMatchObject({
      status: "ill",
      reasons: ["10-quiet: exit 4", "20-disk: disk full"],
    });
    expect((await ask("w1", "/member")).code).toBe(200);
    expect((await ask("w1", "/health?forming=allowed")).code).toBe(503);
    for (const check of ["10-quiet", "20-disk"]) w1.drop(`/etc/triplicate/health.d/${check}`);
    w1.script("health.d/40-hung", `echo $$ > ${w1.root}/hung; sleep 60 & wait`);
    await pause();
    const started = Date.now();
    const [health, member] = await Promise.all([ask("w1", "/health"), ask("w1", "/member")]);
    expect(health.body.reasons).toEqual(["40-hung: timed out after 10 s"]);
    expect(member.code).toBe(200);
    expect(Date.now() - started).toBeLessThan(11_500);
    expect(runningInGroup(readFileSync(`${w1.root}/hung`, "utf8"))).toEqual([]);
    w1.drop("/etc/triplicate/health.d/40-hung");
    w1.write("/etc/triplicate/health.d/50-broken", "no program");
    await pause();
    expect((await ask("w1", "/health")).body.reasons).toEqual(["40-hung: timed out after 10 s"]); // they took long, so they rest as long
    await pause(10_000);
    expect((await ask("w1", "/health")).body.reasons).toEqual(["50-broken: cannot be run: Exec format error"]);
    w1.drop("/etc/triplicate/health.d/50-broken");
    await pause();
    expect((await ask("w1", "/health")).code).toBe(200);
    expect(w1.log).toContain("health: w1: ill: 10-quiet: exit 4, 20-disk: disk full\n");
  }, 60_000);

  test("runs no other check while the first one says that it is too early (exit 75)", async () => {
    const w1 = machines.w1!;
    w1.script("health.d/10-early", "echo 'still starting'; exit 75");
    w1.script("health.d/20-later", `echo asked >> ${w1.root}/asked; exit 1`);
    await pause();
    expect((await ask("w1", "/member")).body).toMatchObject({ status: "ill", reasons: ["10-early: still starting"] });
    expect(existsSync(`${w1.root}/asked`)).toBe(false);
    for (const check of ["10-early", "20-later"]) w1.drop(`/etc/triplicate/health.d/${check}`);
    await pause();
  });
});

describe("access", () => {
  test("is refused without a certificate, with one of another authority, and to a wrong server", async () => {
    const other = new Pki("another authority");
    await expect(ask("w1", "/health", dialer(undefined))).rejects.toThrow();
    await expect(ask("w1", "/health", dialer(other.issue("operator")))).rejects.toThrow();
    await expect(ask("w1", "/health", dialer(operator, other.ca))).rejects.toThrow(/self-signed|unable to/);
    other.close();
    expect(machines.w1!.log).toMatch(/refused 127.*: PEER_DID_NOT_RETURN_A_CERTIFICATE/);
    expect(machines.w1!.log).toMatch(/refused 127.*: (self-signed certificate|unable to get local issuer)/);
  });

  test("a client that says nothing, or something else than TLS, blocks nobody", async () => {
    silent = Array.from({ length: 20 }, () => createConnection(PORT, machines.w1!.slot.publicIpv4));
    await Promise.all(silent.map((socket) => once(socket, "connect")));
    for (const socket of silent) socket.on("error", () => undefined).resume();
    silent[1]!.end("GET / HTTP/1.1\r\n\r\n");
    const started = Date.now();
    expect((await ask("w1", "/health")).code).toBe(200);
    expect(Date.now() - started).toBeLessThan(1000);
  });
});

describe("a quorum cluster", () => {
  const forming = ["pg2: unreachable: connection refused", "pg3: unreachable: connection refused"];

  test("is forming until every member is fine, and remembers it", async () => {
    expect(await ask("pg1", "/health")).toMatchObject({
      code: 503,
      body: { status: "forming", formed: false, reasons: forming },
    });
    expect((await ask("pg1", "/health?forming=allowed")).code).toBe(200);
    expect((await ask("pg1", "/member")).body).toMatchObject({ status: "healthy", formed: false });
    for (const name of ["pg2", "pg3"]) machines[name]!.install(slots);
    machines.pg3!.script("health.d/10-data", "echo 'no disk'; exit 1");
    await Promise.all([machines.pg2!.start(), machines.pg3!.start()]);
    expect((await ask("pg2", "/health")).body).toMatchObject({ status: "forming", reasons: ["pg3: ill: 10-data: no disk"] });
    expect((await ask("pg3", "/health")).body).toMatchObject({ status: "ill", formed: false });
    machines.pg3!.drop("/etc/triplicate/health.d/10-data");
    await pause();
    expect((await ask("pg1", "/health")).body).toMatchObject({ status: "healthy", formed: true });
    expect(existsSync(join(machines.pg1!.root, "var/lib/triplicate/formed"))).toBe(true);
    expect(existsSync(join(machines.pg2!.root, "var/lib/triplicate/formed"))).toBe(false);
    expect(machines.pg1!.log).toContain("formed: 3 of 3 postgres members are fine\n");
  }, 25_000);

  test("a blank member learns from a peer that the cluster was formed; a majority is enough, one is not", async () => {
    await machines.pg3!.stop();
    expect((await ask("pg2", "/health")).body).toMatchObject({ status: "healthy", formed: true });
    await machines.pg1!.stop();
    expect(await ask("pg2", "/health?forming=allowed")).toMatchObject({
      code: 503,
      body: {
        status: "ill",
        formed: true,
        reasons: [
          "quorum lost: 1 of 3 postgres members answer",
          "pg1: unreachable: connection refused",
          "pg3: unreachable: connection refused",
        ],
      },
    });
    await machines.pg2!.stop();
    await machines.pg2!.start();
    expect((await ask("pg2", "/health")).body).toMatchObject({ status: "ill", formed: true });
    await machines.pg3!.install(slots).start();
    expect((await ask("pg3", "/health")).body).toMatchObject({ status: "healthy", formed: true });
    await machines.pg1!.start();
    expect((await ask("pg1", "/health")).body).toMatchObject({ status: "healthy", formed: true });
  }, 30_000);

  test("a hung member and one whose certificate lacks its address count as unreachable", async () => {
    process.kill(machines.pg2!["child"]!.pid!, "SIGSTOP");
    await machines.pg3!.stop();
    const wrong = pki.issue("pg3", ["10.0.1.99", machines.pg3!.slot.publicIpv4]);
    await machines.pg3!.install(slots, wrong).start();
    const started = Date.now();
    expect((await ask("pg1", "/health")).body.reasons).toEqual([
      "quorum lost: 1 of 3 postgres members answer",
      "pg2: unreachable: timed out",
      "pg3: unreachable: ip address mismatch, certificate is not valid for '10.0.1.33'.",
    ]);
    expect(Date.now() - started).toBeLessThan(14_000); // one wait of 10 s, not one for each member
    process.kill(machines.pg2!["child"]!.pid!, "SIGCONT");
    await machines.pg3!.stop();
    await machines.pg3!.install(slots).start();
  }, 25_000);
});

describe("a data center", () => {
  test("is healthy when every named machine and the cluster are", async () => {
    const answer = await ask("pg1", "/health/data-center?members=pg1,w1&cluster=pg1,pg2,pg3");
    expect(answer).toEqual({
      code: 200,
      body: {
        status: "healthy",
        dataCenter: "fsn1",
        summary: "all 4 machines are healthy",
        machines: Object.fromEntries(["pg1", "w1", "pg2", "pg3"].map((name) => [name, { status: "healthy", reasons: [] }])),
      },
    });
  });

  test("names every machine that is not", async () => {
    machines.w1!.script("health.d/10-disk", "echo 'disk full'; exit 1");
    await pause();
    const answer = await ask("pg1", "/health/data-center?members=pg1,w1,w2&forming=allowed");
    expect(answer.code).toBe(503);
    expect(answer.body).toMatchObject({
      status: "ill",
      summary: "w1: ill: 10-disk: disk full; w2: unreachable: connection refused",
      machines: { pg1: { status: "healthy" }, w1: { status: "ill" }, w2: { status: "unreachable" } },
    });
    machines.w1!.drop("/etc/triplicate/health.d/10-disk");
    await pause();
  });

  test.each([
    ["members=pg1,w7,w8", "unknown machines: w7, w8"],
    ["members=pg1&cluster=pg8", "unknown machines: pg8"],
    ["members=pg1,pg2", "not in fsn1: pg2"],
    ["members=w9", "unknown machines: w9"],
    ["members=pg1&cluster=w1", "not quorum members: w1"],
    ["", "no machines are named: ask with ?members=<machine>,<machine>"],
  ])("rejects the question '%s'", async (query, error) => {
    expect(await ask("pg1", `/health/data-center?${query}`)).toEqual({ code: 400, body: { error } });
  });

  test("accepts forming only if asked to, and never for the whole cluster", async () => {
    await Promise.all(["pg1", "pg2", "pg3"].map((name) => machines[name]!.stop()));
    await machines.pg1!.install(slots).start();
    expect((await ask("pg1", "/health/data-center?members=pg1,w1")).code).toBe(503);
    const started = Date.now();
    const waited = await ask("pg1", "/health/data-center?members=pg1,w1&wait=2");
    expect(waited).toMatchObject({ code: 424, body: { summary: expect.stringContaining("pg1: forming") as string } });
    expect(Date.now() - started).toBeGreaterThan(1900);
    expect((await ask("pg1", "/health/data-center?members=pg1,w1&wait=2&forming=allowed")).code).toBe(200);
    const error = "wait is soon, allowed: seconds from 0 to 3600";
    expect(await ask("pg1", "/health/data-center?members=pg1&wait=soon")).toEqual({ code: 400, body: { error } });
    const allowed = await ask("pg1", "/health/data-center?members=pg1,w1&forming=allowed");
    expect(allowed).toMatchObject({ code: 200, body: { status: "forming", summary: "all 2 machines are forming" } });
    const whole = await ask("pg1", "/health/data-center?members=w1&cluster=pg1&forming=allowed");
    expect(whole).toMatchObject({ code: 503, body: { status: "ill" } });
  }, 20_000);
});

describe("metrics", () => {
  const metrics = async (name: string): Promise<string> => {
    const response = await request(`https://${machines[name]!.slot.publicIpv4}:${PORT}/metrics`, { dispatcher: asOperator });
    expect([response.statusCode, response.headers["content-type"]]).toEqual([200, "text/plain; version=0.0.4"]);
    return response.body.text();
  };
  const value = (text: string, sample: string): string | undefined =>
    text.split("\n").find((line) => line.startsWith(`${sample} `))?.slice(sample.length + 1);

  test("are the machine's own figures, and what each program in metrics.d prints", async () => {
    const w1 = machines.w1!;
    const scrape = ["# HELP disk_bytes Free room: \\\\ é.", "# TYPE disk_bytes gauge", 'disk_bytes{disk="a\\"b",kind="} 1",} 5e+06', "x:y -1.5", "z NaN", "z_total +Inf"];
    w1.script("health.d/20-disk", "echo 'disk full'; exit 1");
    w1.script("health.d/30-well", "exit 0");
    w1.script("metrics.d/10-disk", `printf '%s\\n\\n' ${scrape.map((line) => `'${line}'`).join(" ")}`);
    await pause();
    const { validTo } = new X509Certificate(readFileSync(`${w1.root}/run/triplicate/tls/machine.pem`));
    expect(await metrics("w1")).toBe(
      [
        "# HELP triplicate_up 1: the agent answers.",
        "# TYPE triplicate_up gauge",
        "triplicate_up 1",
        "# HELP triplicate_health 1: this status, by its own checks.",
        "# TYPE triplicate_health gauge",
        ...["healthy", "forming", "ill", "leaving", "left"].map((status) => `triplicate_health{status="${status}"} ${Number(status === "ill")}`),
        "# HELP triplicate_certificate_expiry_seconds When its certificate ends, Unix time.",
        "# TYPE triplicate_certificate_expiry_seconds gauge",
        `triplicate_certificate_expiry_seconds ${Date.parse(validTo) / 1000}`,
        "# HELP triplicate_check 1: well.",
        "# TYPE triplicate_check gauge",
        'triplicate_check{check="20-disk"} 0',
        'triplicate_check{check="30-well"} 1',
        "# HELP triplicate_metrics_failed 1: its output is left out.",
        "# TYPE triplicate_metrics_failed gauge",
        'triplicate_metrics_failed{source="10-disk"} 0',
        ...scrape,
        "",
      ].join("\n"),
    );
    w1.drop("/etc/triplicate/health.d/20-disk");
    await pause();
    expect(value(await metrics("w1"), 'triplicate_health{status="healthy"}')).toBe("1");
  });

  test("leave out a program that fails, is slow, or prints something else, and name it", async () => {
    const w1 = machines.w1!;
    w1.script("metrics.d/20-exit", "echo 'a 1'; exit 3");
    w1.script("metrics.d/30-slow", "echo 'b 1'; sleep 60");
    w1.write("/etc/triplicate/metrics.d/40-broken", "no program");
    const wrong = ["c one", "c", "1c 1", "c{d} 1", 'c{d="e} 1', 'c{d="e"f="g"} 1', "c 1 2", "# C", "# TYPE c number", `c{d="${"e".repeat(300)}"} 1`];
    wrong.forEach((line, index) => w1.script(`metrics.d/5${index}-wrong`, `echo 'd 1'; echo '${line}'`));
    await pause();
    const started = Date.now();
    const texts = await Promise.all([metrics("w1"), metrics("w1")]);
    expect(Date.now() - started).toBeLessThan(11_500);
    for (const text of texts) {
      const failed = [...text.matchAll(/^triplicate_metrics_failed\{source="([^"]*)"\} 1$/gm)].map(([, source]) => source);
      expect(failed).toEqual(["20-exit", "30-slow", "40-broken", ...wrong.map((_, index) => `5${index}-wrong`)]);
      expect(text.split("\n").filter((line) => /^([a-d]|1c|# C)\b/.test(line))).toEqual([]);
      expect(value(text, "x:y")).toBe("-1.5");
    }
    expect(w1.log).toMatch(/^metrics: 20-exit: exit 3\n(metrics: .*\n)*metrics: 30-slow: timed out after 10 s\n(metrics: .*\n)*metrics: 50-wrong: no metric: c one$/m);
    expect(value(texts[0], 'triplicate_health{status="healthy"}')).toBe("1");
    rmSync(`${w1.root}/etc/triplicate/metrics.d`, { recursive: true });
  }, 25_000);

  test("say of a cluster that was never whole that it is forming, and need a certificate", async () => {
    const text = await metrics("pg1");
    expect(value(text, 'triplicate_health{status="forming"}')).toBe("1");
    expect(value(text, 'triplicate_health{status="healthy"}')).toBe("0");
    await expect(ask("w1", "/metrics", dialer(undefined))).rejects.toThrow();
  });
});

test("a client that says nothing is dropped", async () => {
  if (!silent[0]!.destroyed) await once(silent[0]!, "close");
  for (const socket of silent) socket.destroy();
  await eventually(
    () => machines.w1!.log,
    (log) => /^refused 127.*: timed out$/m.test(log) && /^refused 127.*: HTTP_REQUEST$/m.test(log),
  );
});

describe("leaving", () => {
  test("is refused to a machine's certificate", async () => {
    const asMachine = dialer(pki.issue("w1", ["10.0.1.11"]));
    expect((await ask("w1", "/health", asMachine)).code).toBe(200);
    const answer = await ask("w1", "/leave", asMachine, "POST");
    expect(answer).toEqual({ code: 403, body: { error: "only the certificate of 'operator' may make a machine leave" } });
    expect((await ask("w1", "/leave")).body).toEqual({ state: "here", reason: "", steps: [] });
    expect(machines.w1!.log).toContain("w1 may not make it leave");
  });

  test("runs the steps once, in order, tries again after a failure, and is remembered until the next boot", async () => {
    const w1 = machines.w1!;
    w1.script("leave.d/10-drain", `echo drained >> ${w1.root}/done`);
    w1.script("leave.d/20-unmount", `sleep 0.5; echo 'looking'; echo 'data is busy' >&2; exit 1`);
    expect(await ask("w1", "/leave", asOperator, "POST")).toEqual({ code: 202, body: { state: "leaving" } });
    expect((await ask("w1", "/leave", asOperator, "POST")).body).toEqual({ state: "leaving" });
    expect(await ask("w1", "/health")).toMatchObject({ code: 503, body: { status: "leaving" } });
    const state = async (): Promise<Answer["body"]> => (await ask("w1", "/leave")).body;
    expect(await eventually(state, (body) => body.state === "failed")).toEqual({
      state: "failed",
      reason: "20-unmount: data is busy",
      steps: [
        { name: "10-drain", state: "done", reason: "" },
        { name: "20-unmount", state: "failed", reason: "data is busy" },
      ],
    });
    expect((await ask("w1", "/health")).code).toBe(200);
    w1.script("leave.d/20-unmount", "exit 0");
    expect((await ask("w1", "/leave", asOperator, "POST")).code).toBe(202);
    await eventually(state, (body) => body.state === "left");
    expect(readFileSync(`${w1.root}/done`, "utf8")).toBe("drained\ndrained\n");
    expect(await ask("w1", "/leave", asOperator, "POST")).toEqual({ code: 200, body: { state: "left" } });
    expect(await ask("w1", "/health")).toMatchObject({ code: 503, body: { status: "left", reasons: ["the machine has left"] } });
    await w1.stop();
    expect(w1.log).toMatch(/^leave: failed: 20-unmount: data is busy\n(.*\n)*leave: leaving\nleave: left$/m);
    await w1.start();
    expect(await state()).toMatchObject({ state: "left" });
    await w1.stop();
    w1.drop("/run/triplicate/leave.json");
    w1.script("leave.d/20-unmount", `echo $$ > ${w1.root}/step; sleep 60 & wait`);
    await w1.start();
    expect(await state()).toMatchObject({ state: "here" });
    await ask("w1", "/leave", asOperator, "POST");
    await eventually(state, (body) => body.steps?.length === 2 && existsSync(`${w1.root}/step`));
    await w1.stop();
    expect(runningInGroup(readFileSync(`${w1.root}/step`, "utf8"))).toEqual([]);
    await w1.start();
    expect(await state()).toMatchObject({ state: "failed", reason: "the agent was restarted while the machine was leaving" });
  }, 30_000);

  test("an agent without a machine to speak for says so and ends", async () => {
    const child = spawn("python3", [program, "--root", join(directory, "nowhere")], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (data: Buffer) => (said += data.toString()));
    const [code] = (await once(child, "close")) as [number];
    expect(code).toBe(1);
    expect(said).toMatch(/^cannot start: FileNotFoundError: .*machine.json'\n$/);
  });
});
