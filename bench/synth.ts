import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { HcloudProvider } from "@cdktf/provider-hcloud/lib/provider";
import { TlsProvider } from "@cdktf/provider-tls/lib/provider";
import { App, LocalBackend, TerraformStack, TerraformVariable } from "cdktf";
import Table from "cli-table3";
import { CertificateAuthority, HEALTH_PORT, HealthAgent, Host, LeafCertificate, MachineIdentity, PrivateNetwork } from "../constructs";
import { KnownMachine } from "../render/machine";
import { ResultLine, writeResult } from "../rehearsal/result";
import { repositoryRoot } from "../rehearsal/terraform";

/**
 * Time and memory of synthesis for 10, 100 and 1000 hosts, each size in processes of its own.
 *
 * A time is that of a whole process, from its start to its end. The growth exponent of a step from one size to the next is the
 * slope of log(time − base) over log(hosts), where the base is the time of the same process with no host; the steepest counts.
 */

const SIZES = [10, 100, 1000];
const ROUNDS = 5;

/** Hosts of one stack: as many as a small data center has. */
const HOSTS_PER_STACK = 10;

/** What is aimed at, and what fails: a quadratic part shows as more. */
const EXPONENT_AIM = 1.1;
const EXPONENT_LIMIT = 1.3;

/** The process that the others are compared with. */
const LOADING = 'require("cdktf") alone';

/** What one process measured of itself. */
interface Sample {
  readonly seconds: number;
  readonly peakMiB: number;
  readonly outputMiB: number;
}

/** Synthesizes hosts as the platform makes them: health agent, certificate and key each. */
function synthesizeHosts(count: number): void {
  const app = new App();
  for (let first = 0; first < count; first += HOSTS_PER_STACK) addStack(app, first, Math.min(HOSTS_PER_STACK, count - first));
  app.synth();
}

function addStack(app: App, first: number, count: number): void {
  const stack = new TerraformStack(app, `bench-${first / HOSTS_PER_STACK + 1}`);
  new LocalBackend(stack, { path: "bench.tfstate" });
  const token = new TerraformVariable(stack, "hcloud_token", { type: "string", sensitive: true });
  new HcloudProvider(stack, "hcloud", { token: token.stringValue });
  new TlsProvider(stack, "tls");
  const subnets = { fsn1: "10.0.1.0/24" };
  const network = new PrivateNetwork(stack, "private", { name: "bench", range: "10.0.0.0/16", zone: "eu-central", subnets, labels: {}, deleteProtection: false });
  const authority = new CertificateAuthority(stack, "authority", { name: "bench", newest: 2 });
  const issuer = { certificate: authority.certificate(1), privateKey: authority.privateKey(1), trustBundle: authority.certificate(1) + authority.certificate(2) };
  const names = Array.from({ length: count }, (_, index) => `bench-fsn1-worker-${first + index + 1}`);
  const known = names.map((name, index): [string, KnownMachine] => [name, { address: addressOf(index), dataCenter: "fsn1", role: "worker", quorum: false }]);
  const machines = Object.fromEntries(known);
  names.forEach((name, index) => {
    const address = addressOf(index);
    const host = new Host(stack, `host-${name}`, { name, location: "fsn1", serverType: "cx23", subnetId: network.subnetId("fsn1"), privateAddress: address });
    const leaf = new LeafCertificate(stack, name, { issuer, commonName: name, addresses: [address], renewedBy: "tls_self_signed_cert.authority" });
    const machine = { environment: "bench", name, dataCenter: "fsn1", role: "worker", quorum: false, address, port: HEALTH_PORT, generation: 1, machines };
    host.add(new HealthAgent({ machine, identity: new MachineIdentity(leaf.credentials, issuer.certificate) }));
  });
}

function addressOf(index: number): string {
  return `10.0.1.${index + 16}`;
}

/** Runs a process to its end and measures it; what it synthesizes goes to a folder that is removed again. */
function measure(args: readonly string[]): Sample {
  const directory = mkdtempSync(join(tmpdir(), "triplicate-bench-"));
  const [outdir, peak] = [join(directory, "cdktf.out"), join(directory, "peak")];
  try {
    mkdirSync(outdir);
    const started = process.hrtime.bigint();
    const { status, stderr } = spawnSync(process.execPath, ["--require", join(__dirname, "peak.js"), ...args], {
      env: { ...process.env, CDKTF_OUTDIR: outdir, BENCH_PEAK: peak },
      encoding: "utf8",
    });
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    if (status !== 0) throw new Error(`${args.join(" ")} failed:\n${stderr}`);
    return { seconds, peakMiB: Math.round(Number(readFileSync(peak, "utf8")) / 1024), outputMiB: sizeOf(outdir) / 2 ** 20 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function sizeOf(directory: string): number {
  return (readdirSync(directory, { recursive: true }) as string[])
    .map((path) => statSync(join(directory, path)))
    .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
}

function median(samples: readonly Sample[]): Sample {
  return [...samples].sort((a, b) => a.seconds - b.seconds)[Math.floor(samples.length / 2)];
}

/** The growth exponent of each step from one size to the next. */
function exponents(seconds: readonly number[]): number[] {
  return SIZES.slice(1).map((size, index) => {
    const [before, after] = [seconds[index], seconds[index + 1]].map((value) => Math.max(value, 1e-3));
    return Math.log(after / before) / Math.log(size / SIZES[index]);
  });
}

/** Rounds go through all commands in turn, so that a busy moment of the machine falls on all of them. */
function measureAll(commands: Readonly<Record<string, readonly string[]>>): Record<string, Sample> {
  const samples: Record<string, Sample[]> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, args] of Object.entries(commands)) (samples[name] ??= []).push(measure(args));
  }
  return Object.fromEntries(Object.entries(samples).map(([name, all]) => [name, median(all)]));
}

function main(): number {
  const root = repositoryRoot();
  const hosts = (count: number): readonly string[] => [__filename, String(count)];
  const sizes = Object.fromEntries(SIZES.map((count) => [`${count} hosts`, hosts(count)]));
  const measured = measureAll({
    [LOADING]: ["-e", `require(${JSON.stringify(require.resolve("cdktf"))})`],
    "no host": hosts(0),
    ...sizes,
    "all environments": [join(root, "dist", "main.js")],
  });
  const base = measured["no host"].seconds;
  const growth = exponents(SIZES.map((count) => measured[`${count} hosts`].seconds - base));
  const ratio = measured["all environments"].seconds / measured[LOADING].seconds;
  return report(measured, growth, ratio);
}

function report(measured: Readonly<Record<string, Sample>>, growth: readonly number[], ratio: number): number {
  const isGood = Math.max(...growth) <= EXPONENT_LIMIT;
  const heading = ["process", "seconds", "peak MiB", "output MiB"];
  const rows = Object.entries(measured).map(([name, { seconds, peakMiB, outputMiB }]) => [name, seconds.toFixed(2), String(peakMiB), outputMiB.toFixed(1)]);
  const summary = [
    `growth exponent ${growth.map((exponent, index) => `${exponent.toFixed(2)} from ${SIZES[index]} to ${SIZES[index + 1]} hosts`).join(", ")} ` +
      `(1 is linear; aim: at most ${EXPONENT_AIM}; fails above ${EXPONENT_LIMIT})`,
    `all environments take ${ratio.toFixed(1)} times as long as loading cdktf`,
  ];
  const table = new Table({ head: heading, style: { head: [], border: [] }, colAligns: ["left", "right", "right", "right"] });
  table.push(...rows);
  console.log(`Median of ${ROUNDS} processes each\n${table.toString()}\n${summary.join("\n")}`);
  const lines = Object.entries(measured).map(([step, { seconds, peakMiB }]): ResultLine => ({ step, verdict: "passed", reality: "real", seconds, note: `${peakMiB} MiB at most` }));
  lines.push({ step: "growth", verdict: isGood ? "passed" : "failed", reality: "real", note: summary[0] });
  lines.push({ step: "all environments against loading cdktf", verdict: "passed", reality: "real", note: summary[1] });
  const versions = { node: process.versions.node, processors: `${cpus().length}`, "processes per figure (median)": `${ROUNDS}` };
  const directory = join(repositoryRoot(), "results");
  const verdict = isGood ? "passed" : "failed";
  const page = writeResult(directory, { name: "bench-synth", verdict, versions, lines, tables: { Medians: [heading, ...rows] } });
  console.log(`Result: ${relative(process.cwd(), page)} and .json`);
  return isGood ? 0 : 1;
}

const [, , count] = process.argv;
if (count === undefined) process.exitCode = main();
else synthesizeHosts(Number(count));
