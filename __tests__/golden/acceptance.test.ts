import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parse, stringify } from "yaml";

import { PACKAGES_FILE, UPGRADES_FILE } from "../../constructs/host/base-system";
import { HOST_ENV } from "../../constructs/host/user-data";
import { readCloudConfig } from "../../rehearsal/cloud-config";
import { terraformBinary } from "../../rehearsal/terraform";
import { envLine, toLines } from "../../render/writers";
import { Debian, debianRoot } from "../support/debian";
import { type GoldenHost, goldenHosts, placeholder } from "../support/golden-hosts";
import { type TerraformPki, terraformPki } from "../support/terraform-pki";

const root = debianRoot();
const missing = root.missing ?? (terraformBinary() ? undefined : "there is no Terraform on the path");
// jest prints no names of skipped tests when it runs many files
if (missing) console.warn(`nothing is checked on Debian 13: ${missing}`);
const title = (name: string) => (missing ? `${name} (skipped: ${missing})` : name);

const LAB = join(__dirname, "../../lab/debian");
const PROGRAMS = "/usr/local/lib/triplicate";
const TLS = "/run/triplicate/tls";
const USER_DATA = "/srv/user-data";

const hosts = goldenHosts();
const named = hosts.map((host): [string, GoldenHost] => [host.name, host]);
const [worker] = hosts.filter(({ role }) => role === "worker");

let pki: TerraformPki;
/** One machine per host, with all files of its user_data; checks only read there. */
const installed = new Map<string, Debian>();
const started: Debian[] = [];

/** A machine for one test. */
async function start(props: Parameters<typeof Debian.start>[1] = {}): Promise<Debian> {
  const machine = await Debian.start(root.path!, props);
  started.push(machine);
  return machine;
}

jest.setTimeout(120_000);

beforeAll(async () => {
  if (missing) return;
  pki = await terraformPki(Object.fromEntries(hosts.map(({ name, address }) => [name, [address, "203.0.113.7"]])));
  for (const host of hosts) {
    installed.set(host.name, await Debian.start(root.path!));
    await install(installed.get(host.name)!, host);
  }
}, 180_000);

afterEach(async () => {
  for (const machine of started.splice(0)) await machine.stop();
});

afterAll(async () => {
  for (const machine of installed.values()) await machine.stop();
});

/** What a machine really gets: certificates made by Terraform, and a value for each line of its environment file. */
function userDataOf(host: GoldenHost): string {
  const { trustBundle, certificate, privateKey } = pki.leaves[host.name];
  const names = [...host.expressions[HOST_ENV].matchAll(/([A-Z][A-Z0-9_]*)='/g)].map(([, name]) => name);
  const filled: Record<string, string> = {
    [HOST_ENV]: toLines(names.map((name) => envLine(name, `value of ${name}`))),
    [`${TLS}/ca.pem`]: trustBundle,
    [`${TLS}/machine.pem`]: certificate,
    [`${TLS}/machine.key`]: privateKey,
  };
  return host.userData((path) => filled[path] ?? placeholder(path));
}

/** The commands of a user_data's list, as cloud-init gives them to the kernel. */
function commandsOf(host: GoldenHost, list: "bootcmd" | "runcmd"): string[][] {
  return readCloudConfig(host.userData(placeholder)).document[list] as string[][];
}

/** A user_data with other files that Terraform fills in. */
function withEntries(userData: string, change: (entry: Record<string, unknown>) => Record<string, unknown>): string {
  const document = parse(userData, { version: "1.1" }) as { write_files: Record<string, unknown>[] };
  return `#cloud-config\n${stringify({ ...document, write_files: document.write_files.map(change) }, { lineWidth: 0, version: "1.1" })}`;
}

/** cloud-init's own reading of a user_data, and its own writing of the files in it. */
const WRITE_FILES = `
import sys
from cloudinit import util
from cloudinit.config.cc_write_files import write_files
write_files("write_files", util.load_yaml(open(sys.argv[1]).read())["write_files"], "root:root")
`;

/** Puts a host's files into a machine as the first boot does: by cloud-init, and by the first command of the list. */
async function install(machine: Debian, host: GoldenHost): Promise<void> {
  await machine.write(USER_DATA, userDataOf(host));
  expect(await ok(machine, "python3", "-c", WRITE_FILES, USER_DATA)).toBe("");
  expect(await ok(machine, ...commandsOf(host, "runcmd")[0])).toBe("");
}

/** A machine after a reboot: what was in memory is gone. */
async function startRebooted(host: GoldenHost): Promise<Debian> {
  const machine = await start();
  await install(machine, host);
  await ok(machine, "rm", "-r", "/run/triplicate");
  return machine;
}

async function ok(machine: Debian, ...command: string[]): Promise<string> {
  const { code, output } = await machine.run(command);
  expect({ command: command.join(" "), code, output: code === 0 ? "" : output }).toEqual({ command: command.join(" "), code: 0, output: "" });
  return output;
}

/** Installs the metadata service, serving a text; `start` runs it until the machine is stopped. */
async function metadata(machine: Debian, userData: string): Promise<{ start(): void }> {
  await machine.write("/srv/metadata.py", readFileSync(join(LAB, "metadata.py")));
  await machine.write(USER_DATA, userData);
  return { start: () => void machine.spawn(["python3", "/srv/metadata.py", USER_DATA]) };
}

/** Prints mode, owner and content of each file that is named, as JSON. */
const STAT = `
import json, pathlib, sys
def of(path):
    owner = f"{path.owner()}:{path.group()}"
    return {"path": str(path), "mode": f"{path.stat().st_mode & 0o7777:o}", "owner": owner, "content": path.read_text()}
print(json.dumps([of(pathlib.Path(path)) for path in sys.argv[1:]]))
`;

/** What the program that upgrades by itself has understood, as JSON: from where, and which of the packages that are named it would leave alone. */
const UPGRADES = `
import apt_pkg, importlib.machinery, importlib.util, json, sys
loader = importlib.machinery.SourceFileLoader("upgrade", "/usr/bin/unattended-upgrade")
upgrade = importlib.util.module_from_spec(importlib.util.spec_from_loader("upgrade", loader))
loader.exec_module(upgrade)
apt_pkg.init_config()
held = apt_pkg.config.value_list("Unattended-Upgrade::Package-Blacklist")
left_alone = [name for name in sys.argv[1:] if upgrade.is_pkgname_in_blacklist(name, held)]
restarts = apt_pkg.config.find_b("Unattended-Upgrade::Automatic-Reboot", True)
print(json.dumps({"origins": upgrade.get_allowed_origins(), "left_alone": left_alone, "restarts": restarts}))
`;

/** Compiles and runs each file that is named as if it was imported: no program starts. */
const LOAD = `
import runpy, sys
sys.path.insert(0, sys.argv[1])
for path in sys.argv[2:]:
    runpy.run_path(path, run_name="loaded")
`;

const MDADM_FILE = "/etc/mdadm/mdadm.conf.d/triplicate.conf";

/** Kernel parameters that are there once a module is, which \`modules-load.d\` or Docker sees to. */
const PARAMETERS_OF_MODULES = /^net\.(bridge|netfilter)\./;

describe.each(named)(title("Debian 13's own tools accept what %s gets"), (_, host) => {
  if (missing) return void test.skip(missing, () => undefined);

  let debian: Debian;
  beforeAll(() => {
    debian = installed.get(host.name)!;
  });

  const below = (folder: string) => host.files.filter(({ path }) => path.startsWith(folder));
  const linesOf = (path: string) => host.files.find((file) => file.path === path)!.content.toString().trim().split("\n");

  test("cloud-init schema: its user_data", async () => {
    const output = await ok(debian, "cloud-init", "schema", "--config-file", USER_DATA);
    expect(output).toContain("Valid schema");
    expect(output).not.toMatch(/deprecat|warning/i);
  });

  test("cloud-init and the first command: every file is there, byte for byte, with its mode and owner", async () => {
    const { files } = readCloudConfig(userDataOf(host));
    const expected = files.map(({ path, mode, owner, content }) => ({ path, mode: mode.toString(8), owner, content: content.toString() }));
    expect(JSON.parse(await ok(debian, "python3", "-c", STAT, ...files.map(({ path }) => path)))).toEqual(expected);
  });

  test("systemd-analyze verify: every unit, and a boot with all that the first one enables", async () => {
    const machine = await start();
    await install(machine, host);
    await ok(machine, "sh", "-c", linesOf(`${PROGRAMS}/first-boot-done.sh`).find((line) => line.startsWith("systemctl enable "))!);
    const units = below("/etc/systemd/system/").map(({ path }) => path);
    expect(units).toContain("/etc/systemd/system/triplicate.target");
    expect(await ok(machine, "systemd-analyze", "verify", "--man=no", "multi-user.target", ...units)).toBe("");
  });

  test("systemd-analyze cat-config: systemd knows every setting of our drop-ins", async () => {
    const dropIns = host.files.filter(({ path }) => /^\/etc\/systemd\/\w+\.conf\.d\//.test(path));
    expect(dropIns.length).toBeGreaterThan(0);
    for (const { path, content } of dropIns) {
      const name = path.replace("/etc/", "").replace(/\.d\/.*/, "");
      const all = await ok(debian, "systemd-analyze", "cat-config", name);
      expect(all).toContain(`# ${path}\n${content.toString()}`);
      // Debian's own file has each setting with its default as a comment
      const [section, ...settings] = content.toString().trim().split("\n");
      const known = all.slice(all.indexOf(`\n${section}\n`)).split(/\n(?=\[)/)[1] ?? "";
      expect(settings.filter((setting) => !known.includes(`\n#${setting.split("=")[0]}=`))).toEqual([]);
    }
  });

  test("nft: what closes the machine before it has rules, and the rules", async () => {
    const [, closed] = /^nft '([^']+)'$/m.exec(commandsOf(host, "bootcmd")[0][2])!;
    expect(await ok(debian, "nft", "--check", closed)).toBe("");
    expect(await ok(debian, "nft", "--check", "--file", "/etc/triplicate/firewall.nft")).toBe("");
  });

  test("udevadm verify: every rule", async () => {
    const rules = below("/etc/udev/rules.d/").map(({ path }) => path);
    expect(await ok(debian, "udevadm", "verify", ...rules)).toMatch(new RegExp(`Success: ${rules.length}\n\\s+Fail: +0\n$`));
  });

  test("systemd-tmpfiles and sysctl: what they would write is there to be written", async () => {
    const pages = "/sys/kernel/mm/transparent_hugepage/enabled";
    expect(await ok(debian, "systemd-tmpfiles", "--dry-run", "--create", "/etc/tmpfiles.d/triplicate.conf")).toBe(`Would write to "${pages}"\n`);
    const settings = linesOf("/etc/sysctl.d/90-triplicate.conf").filter((line) => !PARAMETERS_OF_MODULES.test(line));
    expect(settings.length).toBeGreaterThan(0);
    await debian.write("/srv/sysctl.conf", toLines(settings));
    expect((await ok(debian, "sysctl", "--dry-run", "--load=/srv/sysctl.conf")).trim().split("\n")).toEqual(settings);
  });

  test("apt: upgrades are of security only, leave Docker alone where it is, and never restart the machine", async () => {
    const docker = ["containerd", "docker-cli", "docker.io", "runc"];
    const understood = JSON.parse(await ok(debian, "python3", "-W", "ignore", "-c", UPGRADES, ...docker, "openssl", "systemd"));
    expect(understood).toEqual({
      origins: ["origin=Debian,label=Debian-Security"],
      left_alone: host.role === "worker" ? docker : [],
      restarts: false,
    });
    const periodic = /Update-Package-Lists "1";\n(.*\n)*.*Unattended-Upgrade "1";/;
    expect(await ok(debian, "apt-config", "dump", "APT::Periodic")).toMatch(periodic);
    expect(below(UPGRADES_FILE)).toHaveLength(1);
  });

  test("python3: every JSON file", async () => {
    const files = host.files.map(({ path }) => path).filter((path) => path.endsWith(".json"));
    expect(files).toContain("/etc/triplicate/machine.json");
    await ok(debian, "python3", "-c", "import json, sys\nfor path in sys.argv[1:]: json.load(open(path))", ...files);
  });

  test("sh and python3: every program parses, and loads without a warning", async () => {
    const isProgram = (content: Buffer) => content.toString().startsWith("#!");
    const programs = host.files.filter(({ content }) => isProgram(content));
    expect(host.files.filter(({ mode }) => (mode & 0o111) !== 0)).toEqual(programs);
    const [shell, python] = ["#!/bin/sh\n", "#!/usr/bin/env python3\n"].map((line) => programs.filter(({ content }) => content.toString().startsWith(line)));
    expect(shell.length + python.length).toBe(programs.length);
    for (const { path } of shell) expect(await ok(debian, "sh", "-n", path)).toBe("");
    const modules = below(PROGRAMS).filter(({ path, content }) => path.endsWith(".py") && !isProgram(content));
    expect(modules.length).toBeGreaterThan(0);
    expect(await ok(debian, "python3", "-W", "error", "-c", LOAD, PROGRAMS, ...[...python, ...modules].map(({ path }) => path))).toBe("");
    expect(await ok(debian, "python3", "--version")).toMatch(/^Python 3\.13\./);
  });
});

describe(title("Debian 13's own mdadm accepts"), () => {
  if (missing) return void test.skip(missing, () => undefined);

  test.each(named.filter(([, host]) => host.files.some(({ path }) => path === MDADM_FILE)))("what %s gets", async (name) => {
    expect(await ok(installed.get(name)!, "mdadm", "--detail", "--scan", `--config=${MDADM_FILE}`)).toBe("");
  });
});

describe(title("Debian 13's mirror"), () => {
  if (missing) return void test.skip(missing, () => undefined);

  test("apt: what hosts install exists", async () => {
    const machine = await start({ network: true });
    const lists = hosts.map(({ files }) => files.find(({ path }) => path === PACKAGES_FILE)!.content.toString());
    const packages = new Set(lists.flatMap((list) => list.trim().split("\n")));
    await ok(machine, "sh", "-c", 'apt-get -qq update && apt-get -qq --simulate --no-install-recommends install "$@"', "sh", ...packages);
  });
});

describe(title("certificates that real Terraform makes with our constructs"), () => {
  if (missing) return void test.skip(missing, () => undefined);

  /** `openssl verify` in Debian 13 with everything that it can be strict about. */
  async function verify(certificate: string, trust: string, ...options: string[]) {
    const debian = installed.get(worker.name)!;
    await debian.write("/srv/leaf.pem", certificate);
    await debian.write("/srv/trust.pem", trust);
    return debian.run(["openssl", "verify", "-x509_strict", "-no-CApath", "-no-CAstore", ...options, "-CAfile", "/srv/trust.pem", "/srv/leaf.pem"]);
  }

  test.each(named)("openssl verify -x509_strict: %s serves and dials under its addresses and its name only", async (name, { address }) => {
    const { certificate, trustBundle } = pki.leaves[name];
    for (const purpose of ["sslserver", "sslclient"]) {
      for (const who of [["-verify_ip", address], ["-verify_ip", "203.0.113.7"], ["-verify_hostname", name]]) {
        expect(await verify(certificate, trustBundle, "-purpose", purpose, ...who)).toMatchObject({ code: 0 });
      }
    }
    expect((await verify(certificate, trustBundle, "-verify_ip", "203.0.113.8")).output).toContain("IP address mismatch");
    expect((await verify(certificate, pki.next)).code).not.toBe(0);
  });

  test("openssl verify -x509_strict: the operator dials, and can't serve; each authority verifies by itself", async () => {
    const { certificate, trustBundle } = pki.leaves.operator;
    expect(await verify(certificate, trustBundle, "-purpose", "sslclient")).toMatchObject({ code: 0 });
    expect((await verify(certificate, trustBundle, "-purpose", "sslserver")).output).toMatch(/unsuitable certificate purpose/i);
    for (const authority of trustBundle.split(/(?<=-----END CERTIFICATE-----\n)/)) {
      expect(await verify(authority, authority, "-check_ss_sig")).toMatchObject({ code: 0 });
    }
  });
});

/** The environment in which a program finds stand-ins first. */
const STAND_INS = { PATH: "/srv/bin:/usr/sbin:/usr/bin" };

/** Lists the units that a file named as the state holds, and answers with the exit code that a file holds. */
const SYSTEMCTL = `#!/bin/sh
for argument; do
	case $argument in
	--state=*) cat "/srv/\${argument#*=}" ;;
	is-active) exit "$(cat /srv/active)" ;;
	esac
done
`;

describe(title("executed on Debian 13"), () => {
  if (missing) return void test.skip(missing, () => undefined);

  test("bootcmd locks root, and has cloud-init begin anew until the first boot has ended", async () => {
    const machine = await start();
    await install(machine, worker);
    const commands = commandsOf(worker, "bootcmd");
    await machine.write("/srv/bin/systemctl", '#!/bin/sh\necho "$*" >>/srv/calls\n', "0755");
    await machine.write("/srv/bin/nft", "#!/bin/sh\n", "0755");
    const steps = "/var/lib/cloud/instance/sem";
    const boot = async () => {
      await ok(machine, "sh", "-ec", `mkdir -p ${steps}; cd ${steps}; touch config_write_files config_runcmd config_scripts_user config_ssh`);
      for (const command of commands) expect(await machine.run(command, "", STAND_INS)).toMatchObject({ code: 0 });
      return (await ok(machine, "ls", steps)).trim().split("\n");
    };
    expect(await boot()).toEqual(["config_ssh"]);
    expect(await ok(machine, "passwd", "--status", "root")).toMatch(/^root L /);
    const masked = ["ssh.service", "ssh.socket", "hc-net-scan.service", "hc-net-ifup@.service"].map((unit) => `/etc/systemd/system/${unit}`);
    expect(await ok(machine, "readlink", ...masked, "/etc/systemd/system-generators/systemd-ssh-generator")).toBe("/dev/null\n".repeat(5));
    expect(await ok(machine, "cat", "/srv/calls")).toBe("daemon-reload\nstop ssh.service ssh.socket hc-net-ifup@*\n");
    await machine.write("/var/lib/triplicate/done", "");
    expect(await boot()).toHaveLength(4);
  });

  test("install-packages.sh installs from a mirror, and does nothing when all is installed (`systemctl` is a stand-in)", async () => {
    const online = await start({ network: true });
    await install(online, worker);
    await online.write("/srv/packages", "jq\nless\n");
    await online.write("/srv/bin/systemctl", '#!/bin/sh\necho "$*" >>/srv/calls\n', "0755");
    const run = () => online.run([`${PROGRAMS}/install-packages.sh`, "/srv/packages"], "", STAND_INS);
    expect(await run()).toMatchObject({ code: 0, stdout: expect.stringMatching(/packages: installed jq less\n$/) });
    expect(await ok(online, "sh", "-c", "echo '{\"a\": 13}' | jq .a")).toBe("13\n");
    const calls = await ok(online, "cat", "/srv/calls");
    await ok(online, "sh", "-c", "rm -r /etc/apt/sources.list* /var/lib/apt/lists; : >/etc/resolv.conf");
    expect(await run()).toEqual({ code: 0, stdout: "", output: "" });
    expect(await ok(online, "cat", "/srv/calls")).toBe(calls);
  });

  test("install-packages.sh gives up after forty attempts at a mirror that does not answer, with pauses (`sleep` is a stand-in)", async () => {
    const offline = await start();
    await install(offline, worker);
    await offline.write("/srv/packages", "jq\n");
    await offline.write("/etc/apt/sources.list", "deb http://127.0.0.1:9/debian trixie main\n");
    await offline.write("/etc/apt/apt.conf.d/99-impatient", 'Acquire::Retries "0";\n'); // seven seconds of apt's own, each time
    await offline.write("/srv/bin/sleep", '#!/bin/sh\necho "$1" >>/srv/pauses\n', "0755");
    const { code, output } = await offline.run([`${PROGRAMS}/install-packages.sh`, "/srv/packages"], "", STAND_INS);
    expect({ code, last: output.trim().split("\n").at(-1) }).toEqual({ code: 1, last: "packages: gave up after 40 attempts: jq" });
    expect(await ok(offline, "cat", "/srv/pauses")).toBe("15\n".repeat(39));
  });

  test("fetch-runtime-files.py waits for the service, then writes exactly the files below /run/triplicate", async () => {
    const machine = await startRebooted(worker);
    const userData = userDataOf(worker);
    const service = await metadata(machine, userData);
    const fetching = machine.run([`${PROGRAMS}/fetch-runtime-files.py`]);
    setTimeout(() => service.start(), 1000);
    const { code, output } = await fetching;
    const files = readCloudConfig(userData).files.filter(({ path }) => path.startsWith("/run/triplicate/"));
    const written = new RegExp(`does not answer yet.*\\n.*${files.length} written\\n$`);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(written) });
    const expected = files.map(({ path, content }) => ({ path, mode: "600", owner: "root:root", content: content.toString() }));
    expect(JSON.parse(await ok(machine, "python3", "-c", STAT, ...files.map(({ path }) => path)))).toEqual(expected);
    expect((await ok(machine, "find", "/run/triplicate", "-type", "f")).trim().split("\n").sort()).toEqual(files.map(({ path }) => path).sort());
  });

  test("fetch-runtime-files.py replaces a file in one step: who has opened the old one reads all of it, and nothing is left over", async () => {
    const machine = await startRebooted(worker);
    const [first, second] = ["first", "second"].map((content) => withEntries(userDataOf(worker), (entry) => (entry.path === HOST_ENV ? { ...entry, content } : entry)));
    (await metadata(machine, first)).start();
    await ok(machine, `${PROGRAMS}/fetch-runtime-files.py`);
    const list = () => ok(machine, "sh", "-c", "find /run/triplicate | sort");
    const files = await list();
    const { stdout } = await machine.shell(`exec 3<${HOST_ENV}; cat >${USER_DATA}; ${PROGRAMS}/fetch-runtime-files.py; cat <&3; echo; cat ${HOST_ENV}`, second);
    expect(stdout).toBe("first\nsecond");
    expect(await list()).toBe(files);
  });

  test("fetch-runtime-files.py refuses an encoding that it does not know", async () => {
    const machine = await startRebooted(worker);
    (await metadata(machine, withEntries(userDataOf(worker), (entry) => (entry.path === HOST_ENV ? { ...entry, encoding: "rot13" } : entry)))).start();
    const { code, output } = await machine.run([`${PROGRAMS}/fetch-runtime-files.py`]);
    expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining(`${HOST_ENV}: unknown encoding 'rot13'`) });
    expect(await ok(machine, "sh", "-c", "find /run/triplicate -type f 2>/dev/null || true")).toBe("");
  });

  test("10-units says what has failed, what the first boot waits for, and nothing once it is over (`systemctl` is a stand-in)", async () => {
    const machine = await start();
    await install(machine, worker);
    await machine.write("/srv/bin/systemctl", SYSTEMCTL, "0755");
    const check = async (said: Record<string, string>) => {
      for (const [state, units] of Object.entries(said)) await machine.write(`/srv/${state}`, units);
      const { code, stdout } = await machine.run(["/etc/triplicate/health.d/10-units"], "", STAND_INS);
      return { code, stdout };
    };
    const none = { "failed,auto-restart": "", activating: "" };
    const clock = "triplicate-clock.service loaded activating start The clock\n";
    expect(await check({ ...none, active: "3", activating: clock })).toEqual({ code: 75, stdout: "the bootstrap has not finished: waits for triplicate-clock.service \n" });
    expect(await check({ ...none, active: "0" })).toEqual({ code: 75, stdout: "the bootstrap has not finished\n" });
    await machine.write("/var/lib/triplicate/done", "");
    expect(await check({ ...none, active: "0" })).toEqual({ code: 0, stdout: "" });
    const ill = "triplicate-a.service loaded failed failed A\ntriplicate-b.service loaded activating auto-restart B\n";
    expect(await check({ ...none, active: "0", "failed,auto-restart": ill })).toEqual({ code: 1, stdout: "failed units: triplicate-a.service triplicate-b.service \n" });
  });
});
