import { parse } from "yaml";
import { renderCloudConfig } from "../../render/cloud-config";
import { renderMachine } from "../../render/machine";
import { renderBootstrapTarget, renderSystemdUnit } from "../../render/systemd-unit";
import { envLine, toIni, toJson, toLines, toYaml } from "../../render/writers";

describe("writers", () => {
  test("YAML keeps the order of keys and never folds a line", () => {
    const long = `${"x".repeat(200)} ${"y".repeat(200)}`;
    expect(toYaml({ b: [1, "two"], a: { d: [], c: {} }, long })).toBe(`b:\n- 1\n- two\na:\n  d: []\n  c: {}\nlong: ${long}\n`);
  });

  test("YAML repeats equal values instead of pointing at them", () => {
    const same = { port: 1 };
    expect(toYaml([same, same])).toBe("- port: 1\n- port: 1\n");
  });

  test.each(["no", "on", "yes", "off", "y", "null", "~", "0644", "22:22", "1_000", "1e3", "0x1f", "2020-01-01", "", " x", "a: b", "# x", "a\nb\n", "ü漢🦉"])(
    "YAML 1.1 reads the text %j as the same text",
    (text) => {
      const yaml = toYaml({ text });
      expect(parse(yaml, { version: "1.1" })).toEqual({ text });
      expect(parse(yaml, { version: "1.2" })).toEqual({ text });
    },
  );

  test("JSON is indented by two, with a final newline", () => {
    expect(toJson({ b: 1, a: [true, null] })).toBe('{\n  "b": 1,\n  "a": [\n    true,\n    null\n  ]\n}\n');
  });

  test("lines end with a newline each", () => {
    expect(toLines(["a", "", "b"])).toBe("a\n\nb\n");
    expect(toLines([])).toBe("");
  });

  test("ini repeats the key of a list and leaves out what is undefined", () => {
    const sections = { Unit: { Description: "x", After: undefined }, Service: { ExecStartPre: ["/a", "/b=1"], Environment: [] } };
    expect(toIni(sections)).toBe("[Unit]\nDescription=x\n\n[Service]\nExecStartPre=/a\nExecStartPre=/b=1\n");
  });

  test.each([["a\nUser=root"], [["fine", "a\nUser=root"]]])("ini refuses the newline in %j", (value) => {
    expect(() => toIni({ Service: { Environment: value } })).toThrow(/^the value of 'Environment' has a newline: systemd would read two settings$/);
  });

  test.each([
    ["A", "", "A=''"],
    ["PUBLIC_ADDRESS", "203.0.113.7", "PUBLIC_ADDRESS='203.0.113.7'"],
    ["X1", '"$HOME" `id` \\ %h ü', `X1='"$HOME" \`id\` \\ %h ü'`],
  ])("a line of an environment file: %s", (name, value, line) => {
    expect(envLine(name, value)).toBe(line);
  });

  test.each(["", "a", "1A", "A-B", "A B", "A=B", "A\n"])("an environment file has no variable named %j", (name) => {
    expect(() => envLine(name, "x")).toThrow(/^'[^']*' is not an environment variable name: use A-Z, 0-9 and _$/);
  });

  test.each(["it's", "a\nb"])("an environment file can't hold the value %j", (value) => {
    expect(() => envLine("A", value)).toThrow(/^the value of 'A' has a single quote or a newline: put it into a file of its own$/);
  });
});

describe("systemd units", () => {
  test("a oneshot stays active and logs to the console", () => {
    const unit = { name: "a.service", description: "Packages", after: ["network-online.target", "b.service"], execStart: "/bin/a /etc/a" };
    expect(renderSystemdUnit(unit)).toBe(
      "[Unit]\nDescription=Packages\nRequires=network-online.target b.service\nAfter=network-online.target b.service\n\n" +
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/a /etc/a\nStandardOutput=journal+console\nStandardError=journal+console\n",
    );
  });

  test.each(["exec", "notify"] as const)("a long-running unit (%s) does not remain after its exit", (type) => {
    expect(renderSystemdUnit({ name: "a.service", description: "A", type, execStart: "/bin/a" })).toBe(
      `[Unit]\nDescription=A\n\n[Service]\nType=${type}\nExecStart=/bin/a\nStandardOutput=journal+console\nStandardError=journal+console\n`,
    );
  });

  test("service settings are added, and win over what is standard", () => {
    const service = { Restart: "always", StandardOutput: "journal", Environment: ["A=1", "B=2"] };
    expect(renderSystemdUnit({ name: "a.service", description: "A", type: "exec", execStart: "/bin/a", service })).toBe(
      "[Unit]\nDescription=A\n\n[Service]\nType=exec\nExecStart=/bin/a\nStandardOutput=journal\nStandardError=journal+console\n" +
        "Restart=always\nEnvironment=A=1\nEnvironment=B=2\n",
    );
  });

  test("an empty list of predecessors is none", () => {
    expect(renderSystemdUnit({ name: "a.service", description: "A", after: [], execStart: "/bin/a" })).not.toMatch(/^(Requires|After)=/m);
  });

  test("the target wants every unit and comes after it", () => {
    expect(renderBootstrapTarget(["a.service", "b.service"])).toBe(
      "[Unit]\nDescription=Triplicate host\nWants=a.service b.service\nAfter=a.service b.service\n\n[Install]\nWantedBy=multi-user.target\n",
    );
  });
});

describe("cloud-config", () => {
  test("has files and commands, and nobody who could log in", () => {
    const text = renderCloudConfig({
      hostname: "no",
      files: [
        { path: "/etc/a", owner: "root:adm", mode: "0600", content: "no" },
        { path: "/etc/b", owner: "root:root", mode: "0600", encoding: "gz+b64", content: "YQ==" },
        { path: "/etc/c", owner: "root:root", mode: "0600", encoding: "quoted", content: "$&{#" },
      ],
      bootCommands: [["systemctl", "mask", "ssh.service"]],
      runCommands: [["/bin/a", "on"]],
    });
    expect(text).toBe(
      '#cloud-config\nhostname: "no"\npreserve_hostname: false\nusers: []\ndisable_root: true\nssh_pwauth: false\nssh_genkeytypes:\n- ed25519\n' +
        "bootcmd:\n- - systemctl\n  - mask\n  - ssh.service\n" +
        'write_files:\n- path: /etc/a\n  owner: root:adm\n  permissions: "0600"\n  content: "no"\n' +
        '- path: /etc/b\n  permissions: "0600"\n  encoding: gz+b64\n  content: YQ==\n' +
        "- path: /etc/c\n  permissions: \"0600\"\n  content: '$&{#'\n" +
        'runcmd:\n- - /bin/a\n  - "on"\n',
    );
  });
});

describe("machine.json", () => {
  test("has fixed keys in a fixed order, whatever the order they are given in", () => {
    const known = { address: "10.0.1.16", dataCenter: "fsn1", role: "kubernetes-server", quorum: true };
    const machine = {
      machines: { "dev-fsn1-kubernetes-server-1": known },
      generation: 1,
      port: 9443,
      address: "10.0.1.64",
      quorum: false,
      role: "kubernetes-agent",
      dataCenter: "fsn1",
      name: "dev-fsn1-kubernetes-agent-1",
      environment: "dev",
    };
    const text = renderMachine(machine);
    expect(JSON.parse(text)).toEqual(machine);
    expect(Object.keys(JSON.parse(text) as object)).toEqual([
      "environment", "name", "dataCenter", "role", "quorum", "address", "port", "generation", "machines",
    ]);
    expect(renderMachine({ ...machine, ...{ secret: "x" } })).toBe(text);
  });
});
