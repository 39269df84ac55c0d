import { createHash } from "node:crypto";
import { App, ref, TerraformStack, Token } from "cdktf";
import { Environment } from "../../config/environment";
import { environments } from "../../config/environments";
import { Host, HealthAgent, HostProps, MachineIdentity, RuntimeFile, USER_DATA_BUDGET_BYTES } from "../../constructs";
import { composeUserData, FILES_ARCHIVE, UserDataSpec } from "../../constructs/host/user-data";
import { BOOT_COMMANDS } from "../../constructs/host/base-system";
import { escapeTemplate, holdsToken, replaceTokens } from "../../constructs/host/template";
import { decodeBase85 } from "../../render/base85";
import { readCloudConfig } from "../../rehearsal/cloud-config";
import { addEnvironment } from "../../stacks/environment";
import { constructs, resource, StackJson, synthesizeApp, synthesizeStack } from "../support/synth";
import { literal } from "./user-data";

const PROPS: HostProps = { name: "web-1", location: "fsn1", serverType: "cx23", subnetId: "7-10.0.1.0/24", privateAddress: "10.0.1.9" };

const VALUE = Token.asString(ref("var.value"));

function scope(): TerraformStack {
  return new TerraformStack(new App({ outdir: "unused" }), "test");
}

function newHost(props: Partial<HostProps> = {}): Host {
  return new Host(scope(), "host", { ...PROPS, ...props });
}

function synthesizeHost(props: Partial<HostProps> = {}, change: (host: Host) => void = () => undefined): { stack: StackJson; server: Record<string, unknown> } {
  const stack = synthesizeStack((parent) => change(new Host(parent, "host", { ...PROPS, ...props })));
  return { stack, server: resource(stack, "hcloud_server") };
}

/** The files of a synthesized host; what only Terraform knows is left as its expression. */
function filesOf(server: Record<string, unknown>): Map<string, { mode: number; owner: string; text: string }> {
  const { files } = readCloudConfig(literal(String(server.user_data)));
  return new Map(files.map(({ path, mode, owner, content }) => [path, { mode, owner, text: content.toString() }]));
}

function userDataDocument(server: Record<string, unknown>): Readonly<Record<string, unknown>> {
  return readCloudConfig(literal(String(server.user_data))).document;
}

describe("a host with nothing but what it must have", () => {
  const { server, stack } = synthesizeHost();

  test("is a Debian server with its own public address, in the private network", () => {
    expect({ ...server, user_data: undefined, labels: undefined }).toEqual({
      name: "web-1",
      location: "fsn1",
      server_type: "cx23",
      image: "debian-13",
      keep_disk: true,
      public_net: [{ ipv4_enabled: true, ipv6_enabled: false }],
      // an explicit empty list, or the provider plans to re-attach the network at every apply
      network: [{ subnet_id: "7-10.0.1.0/24", ip: "10.0.1.9", alias_ips: [] }],
    });
    expect(Object.keys(server.labels as object)).toEqual(["config"]);
    expect(Object.keys(stack.resource!)).toEqual(["hcloud_server"]);
  });

  test("has no argument that an apply would carry out by a hard power-off or a rescue boot, and none that ignores changes", () => {
    const keys = Object.keys(server);
    for (const key of ["rescue", "iso", "backups", "rebuild_protection", "allow_deprecated_images", "ignore_remote_firewall_ids", "lifecycle"]) {
      expect(keys).not.toContain(key);
    }
  });

  test("starts what is there, and nobody can log in", () => {
    expect(userDataDocument(server)).toMatchObject({
      hostname: "web-1",
      users: [],
      disable_root: true,
      ssh_pwauth: false,
      bootcmd: BOOT_COMMANDS,
      runcmd: [
        ["python3", "-c", expect.stringContaining(FILES_ARCHIVE) as string],
        ["/usr/local/lib/triplicate/bootstrap.sh"],
      ],
    });
    expect(BOOT_COMMANDS).toEqual([["sh", "-c", expect.stringMatching(/policy drop[^]* ssh\.service ssh\.socket [^]*passwd --lock root\n/)]]);
  });

  test("has the base system's files", () => {
    const files = filesOf(server);
    expect([...files.keys()]).toEqual([
      FILES_ARCHIVE,
      "/run/triplicate/host.env",
      "/etc/apt/apt.conf.d/60triplicate",
      "/etc/triplicate/health.d/10-units",
      "/etc/triplicate/packages",
      "/etc/systemd/journald.conf.d/triplicate.conf",
      "/etc/systemd/timesyncd.conf.d/triplicate.conf",
      "/usr/local/lib/triplicate/fetch-runtime-files.py",
      "/usr/local/lib/triplicate/private-network.py",
      "/etc/systemd/system/triplicate-clock.service",
      "/etc/systemd/system/triplicate-first-boot.service",
      "/etc/systemd/system/triplicate-packages.service",
      "/etc/systemd/system/triplicate-private-network.service",
      "/etc/systemd/system/triplicate-runtime-files.service",
      "/usr/local/lib/triplicate/bootstrap.sh",
      "/usr/local/lib/triplicate/first-boot-done.sh",
      "/usr/local/lib/triplicate/install-packages.sh",
      "/usr/local/lib/triplicate/wait-for-clock.sh",
      "/etc/systemd/system/triplicate.target",
    ]);
    expect(files.get("/etc/triplicate/packages")!.text).toBe("systemd-timesyncd\nunattended-upgrades\n");
  });
});

describe("properties", () => {
  test("override the defaults", () => {
    const { server } = synthesizeHost({ image: "debian-14", primaryIpId: "17", placementGroupId: "21", labels: { role: "web" } });
    expect(server).toMatchObject({
      image: "debian-14",
      placement_group_id: "21",
      public_net: [{ ipv4: "17", ipv4_enabled: true, ipv6_enabled: false }],
      labels: { role: "web", config: expect.stringMatching(/^\$\{substr\(/) as string },
    });
  });

  test.each<[keyof HostProps, string]>([
    ["name", "web-2"],
    ["location", "nbg1"],
    ["serverType", "cpx22"],
    ["image", "debian-14"],
    ["primaryIpId", "18"],
    ["placementGroupId", "22"],
  ])("another %s replaces the host, so it changes the config label", (key, value) => {
    const label = (props: Partial<HostProps>) => (synthesizeHost(props).server.labels as Record<string, string>).config;
    expect(label({ [key]: value })).not.toBe(label({}));
  });

  test("labels change the host in place, so they don't change the config label", () => {
    const label = (props: Partial<HostProps>) => (synthesizeHost(props).server.labels as Record<string, string>).config;
    expect(label({ labels: { a: "b" } })).toBe(label({}));
  });

  test("what the provider would change by a hard power-off is in user_data, so that it replaces the host", () => {
    const userData = (props: Partial<HostProps>) => synthesizeHost(props).server.user_data;
    for (const props of [{ serverType: "cpx22" }, { primaryIpId: "18" }, { placementGroupId: "22" }]) expect(userData(props)).not.toBe(userData({}));
  });
});

describe("additions", () => {
  test("a file lands with its mode and owner, or the usual ones", () => {
    const { server } = synthesizeHost({}, (host) => {
      host.addFile({ path: "/etc/a", content: "plain ${HOME} %{x}\n" });
      host.addFile({ path: "/etc/b", content: "secret", mode: "0600", owner: "root:adm" });
    });
    expect(filesOf(server).get("/etc/a")).toEqual({ mode: 0o644, owner: "root:root", text: "plain ${HOME} %{x}\n" });
    expect(filesOf(server).get("/etc/b")).toEqual({ mode: 0o600, owner: "root:adm", text: "secret" });
  });

  test("a unit is rendered and wanted by the target", () => {
    const { server } = synthesizeHost({}, (host) =>
      host.addUnit({ name: "triplicate-web.service", description: "Web", after: ["triplicate-packages.service"], execStart: "/bin/web" }),
    );
    expect(filesOf(server).get("/etc/systemd/system/triplicate-web.service")!.text).toContain("After=triplicate-packages.service\n");
    expect(filesOf(server).get("/etc/systemd/system/triplicate.target")!.text).toContain(
      " triplicate-packages.service triplicate-private-network.service triplicate-web.service\n",
    );
  });

  test("packages are sorted, each once", () => {
    const { server } = synthesizeHost({}, (host) => {
      host.addPackage("nginx", "curl");
      host.addPackage("curl");
    });
    expect(filesOf(server).get("/etc/triplicate/packages")!.text).toBe("curl\nnginx\nsystemd-timesyncd\nunattended-upgrades\n");
  });

  test("a package that is held is installed, and left alone by unattended upgrades", () => {
    const { server } = synthesizeHost({}, (host) => {
      host.addPackage("nginx");
      host.addHeldPackage("runc", "containerd");
    });
    const files = filesOf(server);
    expect(files.get("/etc/triplicate/packages")!.text).toBe("containerd\nnginx\nrunc\nsystemd-timesyncd\nunattended-upgrades\n");
    expect(files.get("/etc/apt/apt.conf.d/60triplicate")!.text).toContain('Package-Blacklist { "^containerd$"; "^runc$"; };\n');
  });

  test("a value and a runtime file stay expressions, readable for root only", () => {
    const { server } = synthesizeHost({}, (host) => {
      host.addValue({ name: "ADDRESS", value: VALUE, maxBytes: 20 });
      host.addRuntimeFile({ path: "/run/triplicate/tls/a.pem", content: VALUE, maxBytes: 20 });
    });
    const env = `join("", ["SERVER_TYPE='cx23'\\nPRIMARY_IP_ID=''\\nPLACEMENT_GROUP_ID=''\\nADDRESS='", var.value, "'\\n"])`;
    expect(filesOf(server).get("/run/triplicate/host.env")).toEqual({ mode: 0o600, owner: "root:root", text: env });
    expect(filesOf(server).get("/run/triplicate/tls/a.pem")).toEqual({ mode: 0o600, owner: "root:root", text: "var.value" });
  });

  test("a contribution is bound once", () => {
    const bind = jest.fn();
    const host = newHost();
    host.add({ bind });
    expect(bind.mock.calls).toEqual([[host]]);
  });

  test("the health agent brings its programs, its unit, its credentials", () => {
    const machine = { environment: "dev", name: "web-1", dataCenter: "fsn1", role: "web", quorum: false, address: "10.0.1.9", port: 9443, generation: 1, machines: {} };
    const identity = new MachineIdentity({ trustBundle: VALUE, certificate: VALUE, privateKey: VALUE }, VALUE);
    const { server } = synthesizeHost({}, (host) => host.add(new HealthAgent({ machine, identity })));
    const files = filesOf(server);
    for (const path of ["/usr/local/lib/triplicate/health-agent.py", "/etc/triplicate/machine.json", "/run/triplicate/tls/ca.pem", "/run/triplicate/tls/machine.pem", "/run/triplicate/tls/machine.key"]) {
      expect([...files.keys()]).toContain(path);
    }
    expect(files.get("/etc/systemd/system/triplicate-health.service")!.text).toContain("After=triplicate-runtime-files.service\n");
  });
});

describe("additions are refused", () => {
  const runtimeFile: RuntimeFile = { path: "/run/triplicate/a", content: VALUE, maxBytes: 9 };
  const unit = { name: "triplicate-a.service", description: "A", execStart: "/bin/a" };

  test.each<[string, (host: Host) => void, RegExp]>([
    ["a relative path", (host) => host.addFile({ path: "etc/a", content: "" }), /^host 'web-1': file 'etc\/a': the path must be absolute$/],
    ["a path that a reboot empties", (host) => host.addFile({ path: "/run/a", content: "" }), /file '\/run\/a': \/run is empty after a reboot; use addRuntimeFile$/],
    ["a Terraform value in a file", (host) => host.addFile({ path: "/etc/a", content: `a=${VALUE}` }), /file '\/etc\/a' holds a value that only Terraform knows; use addRuntimeFile or addValue$/],
    ["a Terraform number in a file", (host) => host.addFile({ path: "/etc/a", content: `a=${Token.asNumber(VALUE)}` }), /file '\/etc\/a' holds a value that only Terraform knows/],
    ["a Terraform list in a file", (host) => host.addFile({ path: "/etc/a", content: JSON.stringify(Token.asList(VALUE)) }), /file '\/etc\/a' holds a value that only Terraform knows/],
    ["a Terraform value as an owner", (host) => host.addFile({ path: "/etc/a", content: "", owner: VALUE }), /file '\/etc\/a' holds a value that only Terraform knows/],
    ["a Terraform value in a unit", (host) => host.addUnit({ ...unit, execStart: `/bin/a ${VALUE}` }), /unit 'triplicate-a\.service' holds a value that only Terraform knows; use addValue and EnvironmentFile=$/],
    ["a runtime file elsewhere", (host) => host.addRuntimeFile({ ...runtimeFile, path: "/etc/a" }), /runtime file '\/etc\/a': the path must be below \/run\/triplicate$/],
    ["a runtime file beside its folder", (host) => host.addRuntimeFile({ ...runtimeFile, path: "/run/triplicates/a" }), /the path must be below \/run\/triplicate$/],
    ["a path twice", (host) => ["/etc/a", "/etc/a"].forEach((path) => host.addFile({ path, content: "" })), /file '\/etc\/a' was added before; every path has one owner$/],
    ["a path of the base system", (host) => host.addFile({ path: "/usr/local/lib/triplicate/bootstrap.sh", content: "" }), /bootstrap\.sh' was added before/],
    ["a path that Host renders", (host) => host.addFile({ path: "/etc/triplicate/packages", content: "" }), /'\/etc\/triplicate\/packages' was added before/],
    ["the bootstrap target", (host) => host.addUnit({ ...unit, name: "triplicate.target" }), /'\/etc\/systemd\/system\/triplicate\.target' was added before/],
    ["the settings of unattended upgrades", (host) => host.addFile({ path: "/etc/apt/apt.conf.d/60triplicate", content: "" }), /'\/etc\/apt\/apt\.conf\.d\/60triplicate' was added before/],
    ["host.env as a file", (host) => host.addRuntimeFile({ ...runtimeFile, path: "/run/triplicate/host.env" }), /'\/run\/triplicate\/host\.env' was added before/],
    ["a runtime file twice", (host) => [1, 2].forEach(() => host.addRuntimeFile(runtimeFile)), /file '\/run\/triplicate\/a' was added before/],
    ["a unit twice", (host) => [1, 2].forEach(() => host.addUnit(unit)), /file '\/etc\/systemd\/system\/triplicate-a\.service' was added before/],
    ["a file where a unit is", (host) => [host.addUnit(unit), host.addFile({ path: "/etc/systemd/system/triplicate-a.service", content: "" })], /was added before/],
    ["a value twice", (host) => [1, 2].forEach(() => host.addValue({ name: "A", value: VALUE, maxBytes: 9 })), /^host 'web-1': value 'A' was added before$/],
  ])("%s", (_, add, message) => {
    const host = newHost();
    expect(() => add(host)).toThrow(message);
  });

  test.each<[string, (host: Host) => void]>([
    ["files", (host) => host.addFile({ path: "/etc/a", content: "" })],
    ["runtime files", (host) => host.addRuntimeFile(runtimeFile)],
    ["units", (host) => host.addUnit(unit)],
    ["packages", (host) => host.addPackage("curl")],
    ["held packages", (host) => host.addHeldPackage("curl")],
    ["values", (host) => host.addValue({ name: "A", value: VALUE, maxBytes: 9 })],
  ])("once user_data was read: %s", (_, add) => {
    const host = newHost();
    expect(host.userData.maxBytes).toBeGreaterThan(0);
    expect(() => add(host)).toThrow(/^host 'web-1': its user_data was read already; add to a host before that$/);
  });

  test.each(["it's", "a\nb"])("a value that is known now and can't be written: %j", (value) => {
    const host = newHost();
    host.addValue({ name: "A", value, maxBytes: 9 });
    expect(() => host.userData).toThrow(/^the value of 'A' has a single quote or a newline/);
  });

  test("a unit that waits for one that nobody added", () => {
    expect(() => synthesizeHost({}, (host) => host.addUnit({ ...unit, after: ["triplicate-b.service", "network-online.target"] }))).toThrow(
      /host 'web-1': unit 'triplicate-a\.service' waits for 'triplicate-b\.service', which was never added/,
    );
  });
});

describe("user_data", () => {
  const spec: UserDataSpec = {
    hostname: "a",
    files: [{ path: "/etc/a", content: "one\n" }, { path: "/etc/b", content: "#!/bin/sh\necho ${HOME}\n", mode: "0755", owner: "root:adm" }],
    runtimeFiles: [],
    runtimeValues: [],
    bootCommands: [["true", "%{x}"]],
    runCommands: [],
  };

  /** Changing it replaces every machine of every environment: it must be meant. */
  const GOLDEN = "335097e126ccf543a808a535c3fde3bd2fb7be0c269dd9a2ed70b21d44573ec5";

  test("of a fixed host has these bytes, on every machine and at any time", () => {
    const hashes = ["2001-01-01", "2040-06-30T12:00:00Z"].map((now) => {
      jest.useFakeTimers({ now: new Date(now) });
      jest.resetModules();
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded again, so that nothing is kept of the first time
      const fresh = require("../../constructs/host/user-data") as { composeUserData: typeof composeUserData };
      const { template } = fresh.composeUserData(spec);
      return createHash("sha256").update(template).digest("hex");
    });
    jest.useRealTimers();
    expect(hashes).toEqual([GOLDEN, GOLDEN]);
  });

  test("compresses without a time of modification", () => {
    const unique = { ...spec, files: [...spec.files, { path: "/etc/c", content: "three\n", isUnique: true }] };
    const [shared, alone] = filesOfTemplate(composeUserData(unique).template);
    expect([shared.path, alone.path]).toEqual([FILES_ARCHIVE, "/etc/c"]);
    // zlib's header has no time, and gzip's four bytes of it are 0
    expect([...decodeBase85(shared.content).subarray(0, 2)]).toEqual([0x78, 0xda]);
    expect([...Buffer.from(alone.content, "base64").subarray(0, 8)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
  });

  test("keeps paths, owners, modes and bytes, packed together or alone", () => {
    for (const isUnique of [false, true]) {
      const content = `${isUnique ? "\u0000" : ""} ü漢🦉 \${HOME} %{x}\r\n\\ "'\t`;
      const files = [
        { path: `/etc/${"long-".repeat(12)}/ü${"name-".repeat(12)}`, content },
        { path: "/etc/sticky", content: "", mode: "1755", owner: "root:adm" },
      ];
      const read = readCloudConfig(literal(composeUserData({ ...spec, files: files.map((file) => ({ ...file, isUnique })) }).template)).files;
      expect(read.filter(({ path }) => path !== FILES_ARCHIVE).map((file) => ({ ...file, content: file.content.toString() }))).toEqual([
        { path: files[0].path, content, mode: 0o644, owner: "root:root" },
        { path: "/etc/sticky", content: "", mode: 0o1755, owner: "root:adm" },
      ]);
    }
  });

  test("can't pack what would end a text", () => {
    const files = [{ path: "/etc/binary", content: "a\u0000b" }];
    expect(() => composeUserData({ ...spec, files })).toThrow("/etc/binary holds the character U+0000, which ends a text here; add it with isUnique");
    expect(() => composeUserData({ ...spec, files: files.map((file) => ({ ...file, isUnique: true })) })).not.toThrow();
  });

  test("has a digest of what is known now, and of nothing else", () => {
    const digest = (change: Partial<UserDataSpec>) => composeUserData({ ...spec, ...change }).digest;
    const runtime = (content: string): Partial<UserDataSpec> => ({ runtimeFiles: [{ path: "/run/triplicate/x", content, maxBytes: 4 }] });
    expect(digest({})).toMatch(/^[0-9a-f]{64}$/);
    expect(digest({ files: [{ path: "/etc/a", content: "two\n" }] })).not.toBe(digest({}));
    expect(digest({ runCommands: [["reboot"]] })).not.toBe(digest({}));
    expect(digest(runtime(VALUE))).toBe(digest(runtime(Token.asString(ref("var.other")))));
  });

  test("counts runtime values with the most that they can have, as JSON", () => {
    const runtime = (maxBytes: number) => composeUserData({ ...spec, runtimeFiles: [{ path: "/run/triplicate/x", content: VALUE, maxBytes }] }).maxBytes;
    expect(runtime(300) - runtime(0)).toBe(309);
    const word = (maxBytes: number) => composeUserData({ ...spec, runtimeFiles: [{ path: "/run/triplicate/x", content: VALUE, maxBytes, isOneWord: true }] }).maxBytes;
    expect(word(300) - word(0)).toBe(300);
    const values = (maxBytes: number) => composeUserData({ ...spec, runtimeValues: [{ name: "A", value: VALUE, maxBytes }] }).maxBytes;
    expect(values(300) - values(0)).toBe(309);
  });

  test("that could grow too large is refused, naming the largest files", () => {
    const noise = (length: number) => Array.from({ length }, (_, index) => createHash("sha256").update(String(index)).digest("hex")).join("");
    const files = [{ path: "/small", content: "x" }, { path: "/large", content: noise(300), isUnique: true }, { path: "/larger", content: noise(500), isUnique: true }];
    const runtimeFiles = [{ path: "/run/triplicate/x", content: VALUE, maxBytes: 3000 }];
    expect(() => composeUserData({ ...spec, files, runtimeFiles })).toThrow(
      /^user_data of 'a': got \d+ bytes at full capacity, allowed: 31129 \(95 % of Hetzner's 32768\); make the files smaller or lower the capacities; the largest are \/larger \(\d+\), \/large \(\d+\), \/run\/triplicate\/x \(3092\)$/,
    );
  });

  /** The most that any host of a role has, in bytes of Hetzner's 32768; 95 % of those are the budget. */
  const UPPER_BOUNDS: Record<string, number> = {
    "dev kubernetes-server": 27_000,
    "dev kubernetes-agent": 24_500,
    "dev postgres": 31_129,
    "dev worker": 24_500,
    "staging kubernetes-server": 27_000,
    "staging kubernetes-agent": 24_500,
    "staging postgres": 31_129,
    "staging worker": 24_500,
    "staging backup": 28_500,
    "production kubernetes-server": 27_000,
    "production kubernetes-agent": 24_500,
    "production postgres": 31_129,
    "production worker": 24_500,
    "production backup": 28_500,
  };

  test("of every role in every environment keeps to its budget, at full capacity and while its disk keys are rotated", () => {
    const rotating = environments.map((environment): Environment => ({ ...environment, diskKey: { generation: 2, accepted: [1, 2] } }));
    expect(USER_DATA_BUDGET_BYTES).toBe(Math.floor(32_768 * 0.95));
    const largest: Record<string, number> = {};
    synthesizeApp((app) => {
      rotating.forEach((environment) => addEnvironment(app, environment));
      for (const { name, userData } of constructs(app, Host)) {
        const role = name.replace(/^(\w+)-\w+-(.*)-\d+$/, "$1 $2");
        largest[role] = Math.max(largest[role] ?? 0, userData.maxBytes);
      }
    });
    expect(Object.keys(largest).sort()).toEqual(Object.keys(UPPER_BOUNDS).sort());
    const tooLarge = Object.entries(largest).filter(([role, bytes]) => bytes > UPPER_BOUNDS[role]);
    expect(tooLarge).toEqual([]);
    expect(Math.max(...Object.values(UPPER_BOUNDS))).toBeLessThanOrEqual(USER_DATA_BUDGET_BYTES);
  });

  function filesOfTemplate(template: string): { path: string; content: string }[] {
    return readCloudConfig(literal(template)).document.write_files as { path: string; content: string }[];
  }
});

describe("templates", () => {
  const T = VALUE;

  test.each([
    ["", ""],
    ["plain $ % { } text", "plain $ % { } text"],
    ["${HOME}", "$${HOME}"],
    ["%{http_code}", "%%{http_code}"],
    ["$${HOME}", "$$${HOME}"],
    ["${a}${b}%{c}", "$${a}$${b}%%{c}"],
    ["$", "$"],
    [`a${T}b`, `a${T}b`],
    [`$${T}`, `\${"$"}${T}`],
    [`%${T}`, `\${"%"}${T}`],
    [`$$${T}`, `\${"$$"}${T}`],
    [`%$${T}`, `\${"%$"}${T}`],
    [`cost: $${T}$`, `cost: \${"$"}${T}$`],
    [`${T}$${T}`, `${T}\${"$"}${T}`],
    [`\${x}${T}%{y}`, `\${"$"}{x}${T}%%{y}`],
    [`\${x:-${T}}`, `\${"$"}{x:-${T}}`],
    [`$$\${${T}`, `\${"$$$"}{${T}`],
    ["\\n \"quoted\" \t\r\n ü漢🦉", "\\n \"quoted\" \t\r\n ü漢🦉"],
  ])("%j becomes %j", (text, escaped) => {
    expect(escapeTemplate(text)).toBe(escaped);
  });

  test("tokens of every kind are seen", () => {
    const tokens = [T, String(Token.asNumber(T)), String(Token.asList(T)), JSON.stringify(Token.asNumberList(T)), JSON.stringify(Token.asStringMap(T))];
    expect(tokens.map((text) => holdsToken(`a ${text} b`))).toEqual(tokens.map(() => true));
  });

  test.each(["", "${HOME}", "TfToken[x]", "-8.1e+2", "-1.8", "${var.x}"])("%j holds none", (text) => {
    expect(holdsToken(text)).toBe(false);
  });

  test("tokens are replaced, literal text is not", () => {
    expect(replaceTokens(`a\${b}${T}c${T}`, () => "_")).toBe("a${b}_c_");
  });
});
