import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LAB = join(__dirname, "../../lab/debian");

/** A Debian 13 root file system, or why there is none. */
export type DebianRoot = { readonly path: string; readonly missing?: undefined } | { readonly path?: undefined; readonly missing: string };

/** Builds the root file system, or finds it in the cache. A build that fails throws; what this machine lacks is a reason. */
export function debianRoot(): DebianRoot {
  if (process.platform !== "linux") return { missing: "this is not Linux" };
  const { status, stdout, stderr } = spawnSync(join(LAB, "rootfs.sh"), { encoding: "utf8", maxBuffer: 1 << 26 });
  if (status === 0) return { path: stdout.trim() };
  const why = stderr.trim().split("\n").at(-1) ?? "";
  if (status !== null && status >= 3 && status <= 6) return { missing: why.replace("debian root: ", "") };
  throw new Error(`the Debian root could not be built: ${stderr}`);
}

/** How a program inside ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  /** Standard output and error. */
  readonly output: string;
}

/** What a copy of the root is started with. */
export interface DebianProps {
  /**
   * Whether it is in this machine's network.
   *
   * @default false: it has a loopback interface only, with the metadata service's address on it
   */
  readonly network?: boolean;
}

/**
 * A disposable copy of the root in namespaces of its own; it ends with this process at the latest.
 *
 * Nothing boots in it: what needs systemd or a kernel of its own is shown by the machines of `lab/vm`.
 */
export class Debian {
  private constructor(
    private readonly holder: ChildProcess,
    private readonly directory: string,
    private readonly pid: string,
  ) {}

  public static async start(root: string, props: DebianProps = {}): Promise<Debian> {
    const directory = mkdtempSync(join(tmpdir(), "triplicate-debian-"));
    const network = props.network ? "network" : "no-network";
    const holder = spawn("setpriv", ["--pdeathsig", "KILL", join(LAB, "machine.sh"), root, directory, network], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    let problems = "";
    holder.stderr.on("data", (chunk: Buffer) => (problems += chunk.toString()));
    const pid = await new Promise<string>((done, fail) => {
      let said = "";
      holder.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (said.endsWith("\n")) done(said.trim());
      });
      holder.once("close", () => fail(new Error(`the machine did not start: ${problems}`)));
    });
    return new Debian(holder, directory, pid);
  }

  /** Runs a program inside, as root, with a fixed environment. */
  public async run(command: readonly string[], input: string | Buffer = "", environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const child = this.spawn(command, environment);
    let [stdout, output] = ["", ""];
    child.stdout!.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      output += chunk.toString();
    });
    child.stderr!.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stdin!.on("error", () => undefined); // it may end without reading all of it
    child.stdin!.end(input);
    const [code] = (await once(child, "close")) as [number | null];
    return { code, stdout, output };
  }

  /** Runs a line of shell inside. */
  public shell(line: string, input?: string | Buffer): Promise<Ended> {
    return this.run(["sh", "-c", line], input);
  }

  /** Starts a program inside that runs until it is killed, or until the machine is stopped. */
  public spawn(command: readonly string[], environment: Readonly<Record<string, string>> = {}): ChildProcess {
    const enter = ["--target", this.pid, "--mount", "--pid", "--net", "--uts", "--ipc", "--root", "--wd"];
    const variables = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LANG: "C.UTF-8", ...environment };
    const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    return spawn("nsenter", [...enter, "--", "env", "-i", ...settings, ...command], { stdio: ["pipe", "pipe", "pipe"] });
  }

  /** Writes a file inside, with its folders. */
  public async write(path: string, content: string | Buffer, mode = "0644"): Promise<void> {
    const line = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"';
    const { code, output } = await this.run(["sh", "-c", line, "sh", path, mode], content);
    if (code !== 0) throw new Error(`${path} could not be written: ${output}`);
  }

  /** Ends every process inside; mounts, network and files go with the last one. */
  public async stop(): Promise<void> {
    const ended = this.holder.exitCode === null && this.holder.signalCode === null ? once(this.holder, "close") : undefined;
    this.holder.kill("SIGKILL");
    await ended;
    rmdirSync(this.directory);
  }
}
