import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parse, stringify } from "yaml";

import { PACKAGES_FILE } from "../../constructs/host/base-system";
import { FILES_ARCHIVE, HOST_ENV } from "../../constructs/host/user-data";
import { readCloudConfig } from "../../rehearsal/cloud-config";
import { terraformBinary } from "../../rehearsal/terraform";
import { envLine, toLines } from "../../render/writers";
import { Debian, debianRoot } from "../support/debian";
import { type GoldenHost, goldenHosts, placeholder } from "../support/golden-hosts";
import { eventually } from "../support/hosts";
import { type TerraformPki, terraformPki } from "../support/terraform-pki";

const root = debianRoot();
const missing = root.missing ?? (terraformBinary() ? undefined : "there is no Terraform on the path");
// jest prints no names of skipped tests when it runs many files
if (missing) console.warn(`nothing is checked on Debian 13: ${missing}`);
const title = (name: string) => (missing ? `${name} (skipped: ${missing})` : name);

const LAB = join(__dirname, "../../lab/debian");
const PROGRAMS = "/usr/local/lib/triplicate";
const TLS = "/run/triplicate/tls";
const SEED = "/var/lib/cloud/seed/nocloud";
const METADATA_URL_FILE = "/srv/user-data";

const hosts = goldenHosts();
const named = hosts.map((host): [string, GoldenHost] => [host.name, host]);
const [worker] = hosts.filter(({ role }) => role === "worker");
const text = ({ path }: { path: string }) => path !== FILES_ARCHIVE;

const packagesOf = ({ files }: GoldenHost) =>
  files.find(({ path }) => path === PACKAGES_FILE)!.content.toString().split("\n").filter((line) => line !== "");

let pki: TerraformPki;
let debian: Debian;
const started: Debian[] = [];

async function start(props: Parameters<typeof Debian.start>[1] = {}): Promise<Debian> {
  const machine = await Debian.start(root.path!, props);
  started.push(machine);
  return machine;
}

jest.setTimeout(120_000);

beforeAll(async () => {
  if (missing) return;
  pki = await terraformPki(Object.fromEntries(hosts.map(({ name, address }) => [name, [address, "203.0.113.7"]])));
  debian = await start();
}, 180_000);

afterEach(async () => {
  for (const machine of started.splice(1)) await machine.stop();
});

afterAll(async () => {
  for (const machine of started.splice(0)) await machine.stop();
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
  return host.userData((path) => filled[path]);
}

/** A user_data with other files that Terraform fills in. */
function withEntries(userData: string, change: (entry: Record<string, unknown>) => Record<string, unknown>): string {
  const document = parse(userData, { version: "1.1" }) as { write_files: Record<string, unknown>[] };
  return `#cloud-config\n${stringify({ ...document, write_files: document.write_files.map(change) }, { lineWidth: 0, version: "1.1" })}`;
}

/** Puts a host's files into a machine as cloud-init and `tar` do. */
async function install(machine: Debian, host: GoldenHost): Promise<void> {
  for (const { path, content, mode } of host.files.filter(text)) await machine.write(path, content, mode.toString(8));
}

async function ok(machine: Debian, ...command: string[]): Promise<string> {
  const { code, output } = await machine.run(command);
  expect({ command: command.join(" "), code, output: code === 0 ? "" : output }).toEqual({ command: command.join(" "), code: 0, output: "" });
  return output;
}

/** Installs the metadata service, serving a text; `start` runs it until the machine is stopped. */
async function metadata(machine: Debian, userData: string): Promise<{ start(): void }> {
  await machine.write("/srv/metadata.py", readFileSync(join(LAB, "metadata.py")));
  await machine.write(METADATA_URL_FILE, userData);
  return { start: () => void machine.spawn(["python3", "/srv/metadata.py", METADATA_URL_FILE]) };
}

describe(title("Debian 13's own tools accept"), () => {
  if (missing) return void test.skip(missing, () => undefined);

  test.each(named)("cloud-init schema: user_data of %s", async (_, host) => {
    for (const userData of [host.userData(placeholder), userDataOf(host)]) {
      await debian.write("/srv/schema", userData);
      const output = await ok(debian, "cloud-init", "schema", "--config-file", "/srv/schema");
      expect(output).toContain("Valid schema");
      expect(output).not.toMatch(/deprecat|warning/i);
    }
  });

  test.each(named)("systemd-analyze verify: all units of %s with their target", async (_, host) => {
    const machine = await start();
    await install(machine, host);
    const units = host.files.map(({ path }) => path).filter((path) => path.startsWith("/etc/systemd/system/"));
    expect(units).toContain("/etc/systemd/system/triplicate.target");
    expect(await ok(machine, "systemd-analyze", "verify", "--man=no", ...units)).toBe("");
  });

  test("sh and python3: every program parses, and the agent's modules load without a warning", async () => {
    const machine = await start();
    await install(machine, worker);
    const programs = worker.files.filter(text).filter(({ content }) => content.toString().startsWith("#!"));
    expect(programs.map(({ mode }) => mode)).toEqual(programs.map(() => 0o755));
    const interpreters = { "#!/bin/sh": ["sh", "-n"], "#!/usr/bin/env python3": ["python3", "-W", "error", "-m", "py_compile"] };
    for (const { path, content } of programs) {
      const [line] = content.toString().split("\n") as (keyof typeof interpreters)[];
      expect(await ok(machine, ...interpreters[line], path)).toBe("");
    }
    const load = `import sys; sys.path.insert(0, "${PROGRAMS}"); import health_agent.cluster, health_agent.local; print(sys.version)`;
    expect(await ok(machine, "python3", "-W", "error", "-c", load)).toMatch(/^3\.13\./);
  });

  const packages = [...new Set(hosts.flatMap(packagesOf))];
  const simulate = packages.length > 0 ? test : test.skip;
  simulate(`apt: what hosts install exists in Debian 13${packages.length > 0 ? "" : " (skipped: no host installs a package yet)"}`, async () => {
    const machine = await start({ network: true });
    await ok(machine, "sh", "-c", 'apt-get -qq update && apt-get -qq --simulate --no-install-recommends install "$@"', "sh", ...packages);
  });
});

describe(title("certificates that real Terraform makes with our constructs"), () => {
  if (missing) return void test.skip(missing, () => undefined);

  /** `openssl verify` in Debian 13 with everything that it can be strict about. */
  async function verify(certificate: string, trust: string, ...options: string[]) {
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

describe(title("executed on Debian 13"), () => {
  if (missing) return void test.skip(missing, () => undefined);

  test("install-packages.sh installs from a mirror, and asks none when all is installed", async () => {
    const online = await start({ network: true });
    await install(online, worker);
    await online.write("/srv/packages", "jq\nless\n");
    expect(await ok(online, `${PROGRAMS}/install-packages.sh`, "/srv/packages")).toMatch(/packages: installed jq less\n$/);
    expect(await ok(online, "sh", "-c", "echo '{\"a\": 13}' | jq .a")).toBe("13\n");
    await ok(online, "sh", "-c", "rm -r /etc/apt/sources.list* /var/lib/apt/lists; : >/etc/resolv.conf");
    expect(await ok(online, `${PROGRAMS}/install-packages.sh`, "/srv/packages")).toBe("");
  });

  test("install-packages.sh gives up after ten attempts at a mirror that does not answer, with pauses (`sleep` is a stand-in)", async () => {
    const offline = await start();
    await install(offline, worker);
    await offline.write("/srv/packages", "jq\n");
    await offline.write("/etc/apt/sources.list", "deb http://127.0.0.1:9/debian trixie main\n");
    await offline.write("/etc/apt/apt.conf.d/99-impatient", 'Acquire::Retries "0";\n'); // seven seconds of apt's own, each time
    await offline.write("/srv/bin/sleep", '#!/bin/sh\necho "$1" >>/srv/pauses\n', "0755");
    const { code, output } = await offline.run([`${PROGRAMS}/install-packages.sh`, "/srv/packages"], "", { PATH: "/srv/bin:/usr/sbin:/usr/bin" });
    expect({ code, last: output.trim().split("\n").at(-1) }).toEqual({ code: 1, last: "packages: gave up after 10 attempts: jq" });
    expect(await ok(offline, "cat", "/srv/pauses")).toBe("15\n".repeat(9));
  });

  test("fetch-runtime-files.py waits for the service, then writes exactly the files below /run/triplicate", async () => {
    const machine = await start();
    await install(machine, worker);
    const userData = userDataOf(worker);
    const service = await metadata(machine, userData);
    const fetching = machine.run([`${PROGRAMS}/fetch-runtime-files.py`]);
    setTimeout(() => service.start(), 1000);
    const { code, output } = await fetching;
    expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/does not answer yet.*\n.*4 written\n$/) });
    const listed = await ok(machine, "sh", "-c", "cd /run/triplicate && find . -type f -exec stat -c '%a %U:%G %n' {} + | sort");
    expect(listed).toBe("600 root:root ./host.env\n600 root:root ./tls/ca.pem\n600 root:root ./tls/machine.key\n600 root:root ./tls/machine.pem\n");
    for (const { path, content } of readCloudConfig(userData).files.filter(({ path: file }) => file.startsWith("/run/"))) {
      expect(await ok(machine, "cat", path)).toBe(content.toString());
    }
  });

  test("fetch-runtime-files.py replaces a file in one step: a reader sees the old or the new, never a part", async () => {
    const machine = await start();
    await install(machine, worker);
    const sizes = [3_000_000, 2_000_000];
    const [first, second] = sizes.map((size) => withEntries(userDataOf(worker), (entry) => (entry.path === HOST_ENV ? { ...entry, content: "x".repeat(size) } : entry)));
    const service = await metadata(machine, first);
    service.start();
    await ok(machine, `${PROGRAMS}/fetch-runtime-files.py`);
    await machine.write("/srv/second", second);
    const read = `import os\nseen = set()\nwhile not os.path.exists("/srv/stop"):\n    seen.add(len(open("${HOST_ENV}").read()))\nprint(sorted(seen))`;
    const reading = machine.run(["python3", "-c", read]);
    await ok(machine, "sh", "-ec", `cp /srv/user-data /srv/first\nfor turn in 1 2 3; do\ncp /srv/second /srv/user-data; ${PROGRAMS}/fetch-runtime-files.py\ncp /srv/first /srv/user-data; ${PROGRAMS}/fetch-runtime-files.py\ndone`);
    await ok(machine, "touch", "/srv/stop");
    expect((await reading).stdout).toBe(`[${[...sizes].sort().join(", ")}]\n`);
  });

  test("fetch-runtime-files.py refuses an encoding that it does not know", async () => {
    const machine = await start();
    await install(machine, worker);
    (await metadata(machine, withEntries(userDataOf(worker), (entry) => (entry.path === HOST_ENV ? { ...entry, encoding: "rot13" } : entry)))).start();
    const { code, output } = await machine.run([`${PROGRAMS}/fetch-runtime-files.py`]);
    expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining(`${HOST_ENV}: unknown encoding 'rot13'`) });
    expect(await ok(machine, "sh", "-c", "find /run/triplicate -type f 2>/dev/null || true")).toBe("");
  });
});

/** Boots a user_data: cloud-init's NoCloud data source, beside Hetzner's metadata service; waits until cloud-init has ended. */
async function boot(userData: string, fromMetadata = userData): Promise<Debian> {
  const machine = await start({ boot: true });
  await machine.write(`${SEED}/user-data`, userData);
  await machine.write(`${SEED}/meta-data`, "instance-id: i-1\n");
  await machine.write("/srv/ask.py", readFileSync(join(LAB, "ask.py")));
  await machine.write("/srv/operator.pem", pki.leaves.operator.certificate);
  await machine.write("/srv/operator.key", pki.leaves.operator.privateKey);
  (await metadata(machine, fromMetadata)).start();
  machine.boot();
  await ended(machine);
  return machine;
}

/** Waits until cloud-init has ended and systemd has no more to start. */
async function ended(machine: Debian): Promise<void> {
  const status = () => machine.run(["cloud-init", "status"]);
  await eventually(status, ({ stdout }) => /^status: (done|error)/.test(stdout), 60);
  await eventually(() => machine.run(["systemctl", "is-system-running"]), ({ stdout }) => /^(running|degraded)/.test(stdout), 60);
}

/** Asks the health agent of a machine as the operator, or as someone without a certificate. */
function ask(machine: Debian, path: string, host: GoldenHost, certificate = ["/srv/operator.pem", "/srv/operator.key"]) {
  return machine.run(["python3", "/srv/ask.py", path, host.address, `${TLS}/ca.pem`, ...certificate]);
}

/** A package of Debian 13 that has no dependencies beyond the root, from the mirror. */
async function debianPackage(name: string): Promise<Buffer> {
  const online = await start({ network: true });
  const encoded = await online.shell(`cd /srv && apt-get -qq update >&2 && apt-get -qq download ${name} >&2 && base64 ${name}_*.deb`);
  expect(encoded).toMatchObject({ code: 0 });
  return Buffer.from(encoded.stdout, "base64");
}

async function fileModes(machine: Debian, paths: readonly string[]): Promise<string[]> {
  return (await ok(machine, "stat", "-c", "%04a %U:%G %n", ...paths)).trim().split("\n");
}

describe(title("booted on Debian 13, by real systemd and cloud-init"), () => {
  if (missing) return void test.skip(missing, () => undefined);

  test.each(named)("%s sets itself up from its exact user_data", async (_, host) => {
    const userData = userDataOf(host);
    const machine = await boot(userData);
    const status = JSON.parse(await ok(machine, "cloud-init", "status", "--format", "json"));
    expect(status).toMatchObject({ status: "done", extended_status: "done", errors: [], recoverable_errors: {} });
    expect(await ok(machine, "systemctl", "is-system-running")).toBe("running\n");
    const units = host.files.map(({ path }) => path.replace("/etc/systemd/system/", "")).filter((path) => /^triplicate.*\.(service|target)$/.test(path));
    expect((await ok(machine, "systemctl", "is-active", ...units)).trim().split("\n")).toEqual(units.map(() => "active"));
    expect(await ok(machine, "systemctl", "is-enabled", "triplicate.target")).toBe("enabled\n");
    expect(await ok(machine, "hostname")).toBe(`${host.name}\n`);

    const files = readCloudConfig(userData).files;
    const expected = files.map(({ mode, owner, path }) => `${mode.toString(8).padStart(4, "0")} ${owner} ${path}`);
    expect(await fileModes(machine, files.map(({ path }) => path))).toEqual(expected.map((line) => line.replace(/^0(?=\d{4})/, "")));
    for (const { path, content } of files.filter(text)) expect(await ok(machine, "cat", path)).toBe(content.toString());
  });

  describe(`${worker.name}, once it is up`, () => {
    let machine: Debian;

    beforeAll(async () => {
      machine = await boot(userDataOf(worker));
      started.splice(started.indexOf(machine), 1); // it stays for all tests here
    });
    afterAll(() => machine.stop());

    test("nobody can log in: sshd is masked, nothing listens on 22, root is locked, there is no other user", async () => {
      expect((await machine.run(["systemctl", "is-enabled", "ssh.service", "ssh.socket"])).stdout).toBe("masked\nmasked\n");
      expect(await ok(machine, "ss", "--listening", "--tcp", "--no-header", "--numeric", "sport = :22")).toBe("");
      expect(await ok(machine, "passwd", "--status", "root")).toMatch(/^root L /);
      expect(await ok(machine, "sh", "-c", "awk -F: '$3 >= 1000 && $3 < 65000 { print $1 }' /etc/passwd; ls /home; find / -xdev -name authorized_keys -size +0")).toBe("");
    });

    test("/health is healthy over mutual TLS at 9443, and refuses who has no certificate", async () => {
      const { stdout } = await ask(machine, "/health", worker);
      expect({ code: stdout.slice(0, 3), body: JSON.parse(stdout.slice(4)) }).toMatchObject({ code: "200", body: { machine: worker.name, status: "healthy", reasons: [] } });
      const refused = await ask(machine, "/health", worker, []);
      expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 1, stdout: "" });
      expect(await ok(machine, "journalctl", "--unit=triplicate-health")).toContain("refused 127.0.0.1: PEER_DID_NOT_RETURN_A_CERTIFICATE");
    });

    test("10-units says what has failed, and what is started over and over", async () => {
      const check = () => machine.run(["/etc/triplicate/health.d/10-units"]);
      expect(await check()).toMatchObject({ code: 0, output: "" });
      await machine.shell("systemd-run --unit triplicate-a false; systemd-run --unit triplicate-b -p Restart=always -p RestartSec=60 false");
      const ill = await eventually(check, ({ output }) => /triplicate-a.*triplicate-b/.test(output));
      expect(ill).toMatchObject({ code: 1, output: "failed units: triplicate-a.service triplicate-b.service \n" });
      const { stdout } = await eventually(() => ask(machine, "/member", worker), (answer) => answer.stdout.includes("ill"));
      expect(JSON.parse(stdout.slice(4)).reasons).toEqual(["10-units: failed units: triplicate-a.service triplicate-b.service"]);
      await ok(machine, "systemctl", "stop", "triplicate-b.service");
      await ok(machine, "systemctl", "reset-failed");
    });

    test("the environment file means the same to systemd and to sh", async () => {
      const tricky = ["two words", "$HOME ${HOME} `id` $(id)", 'a "quoted" one', "back\\slash \\n \\", "%s %% # ; = ~ * ü", "", " spaces "];
      await machine.write("/srv/tricky.env", toLines(tricky.map((value, index) => envLine(`TRICKY_${index}`, value))));
      for (const file of [HOST_ENV, "/srv/tricky.env"]) {
        const names = [...(await ok(machine, "cat", file)).matchAll(/^([A-Z0-9_]+)='/gm)].map(([, name]) => name);
        const bySystemd = await ok(machine, "systemd-run", "--quiet", "--wait", "--pipe", `--property=EnvironmentFile=${file}`, "printenv", ...names);
        const bySh = await ok(machine, "sh", "-c", `set -a; . ${file}; exec printenv ${names.join(" ")}`);
        expect(bySystemd).toBe(bySh);
        if (file !== HOST_ENV) expect(bySh).toBe(toLines(tricky));
        expect(names.length).toBeGreaterThan(0);
      }
    });

    test("triplicate-packages.service installs what its file lists", async () => {
      await machine.write("/srv/mirror/less.deb", await debianPackage("less"));
      const index = '(dpkg-deb --field less.deb && echo "Filename: ./less.deb" && stat -c "Size: %s" less.deb && sha256sum less.deb | sed "s/\\(\\S*\\) .*/SHA256: \\1/") >Packages';
      await ok(machine, "sh", "-ec", `cd /srv/mirror; ${index}; rm -rf /etc/apt/sources.list.d; echo "deb [trusted=yes] file:/srv/mirror ./" >/etc/apt/sources.list`);
      await machine.write(PACKAGES_FILE, "less\n");
      await ok(machine, "systemctl", "restart", "triplicate-packages.service");
      expect(await ok(machine, "journalctl", "--unit=triplicate-packages", "--output=cat")).toContain("packages: installed less\n");
      expect(await ok(machine, "less", "--version")).toMatch(/^less \d/);
    });

    test("a second boot (soft: systemd anew, same kernel) fetches the files again and changes nothing else", async () => {
      const list = () => ok(machine, "sh", "-c", "find /run/triplicate -exec stat -c '%a %U:%G %n' {} + | grep -v leave.json | sort; cat $(find /run/triplicate -type f | sort) | sha256sum");
      const [before, bootBefore] = [await list(), await ok(machine, "systemctl", "show", "--property=UnitsLoadFinishTimestampMonotonic")];
      await ok(machine, "rm", "-r", "/run/triplicate", "/run/cloud-init");
      await machine.run(["systemctl", "soft-reboot"]);
      const again = () => machine.run(["systemctl", "show", "--property=UnitsLoadFinishTimestampMonotonic"]);
      await eventually(again, ({ code, stdout }) => code === 0 && stdout !== "" && stdout !== bootBefore, 60);
      (await metadata(machine, userDataOf(worker))).start();
      await eventually(() => machine.run(["systemctl", "is-active", "triplicate.target"]), ({ stdout }) => stdout === "active\n", 60);
      await ended(machine);
      expect(await list()).toBe(before);
      expect(await ok(machine, "systemctl", "is-system-running")).toBe("running\n");
      expect((await ask(machine, "/health", worker)).stdout).toMatch(/^200 /);
    });
  });

  test("a host whose files can't be fetched fails its first boot, and cloud-init says so", async () => {
    const userData = userDataOf(worker);
    const machine = await boot(userData, withEntries(userData, (entry) => (entry.path === HOST_ENV ? { ...entry, encoding: "rot13" } : entry)));
    expect(await machine.run(["cloud-init", "status"])).toMatchObject({ code: 1, stdout: "status: error\n" });
    expect(await ok(machine, "cat", "/var/log/cloud-init-output.log")).toMatch(/failed units:\s+triplicate-runtime-files\.service/);
  });

  test("a host whose health agent can't start fails its first boot, although systemd starts the agent over and over", async () => {
    const machine = await boot(worker.userData(placeholder));
    expect(await machine.run(["cloud-init", "status"])).toMatchObject({ code: 1, stdout: "status: error\n" });
    expect(await ok(machine, "cat", "/var/log/cloud-init-output.log")).toMatch(/failed units:\s+triplicate-health\.service/);
  });
});
