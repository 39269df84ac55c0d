/** Text through a real apply: what a construct was given is what the machine gets, byte for byte. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HcloudProvider } from "@cdktf/provider-hcloud/lib/provider";
import { App, Fn, LocalBackend, ref, TerraformOutput, TerraformStack, Token } from "cdktf";
import { DriverServer, HetznerLocal, noneDriver, startHetznerLocal } from "hetzner-local";
import { escapeTemplate, Host, PrivateNetwork } from "../../constructs";
import { terraformData } from "../../constructs/terraform";
import { readCloudConfig } from "../../rehearsal/cloud-config";
import { stacksInOrder } from "../../rehearsal/synth";
import { repositoryRoot, Terraform, terraformEnvironment } from "../../rehearsal/terraform";

jest.setTimeout(60_000);

const HOSTILE: Record<string, string> = {
  template: "a ${HOME} b %{if x} c $${HOME} d %%{if} e $$${x} f ${} %{} ${",
  quotes: `"double" 'single' \\"escaped\\" \`back\``,
  backslashes: "\\n \\\\ \\u0041 C:\\dir\\",
  whitespace: "  tab\there\nline\r\ncrlf\n\n  end \n",
  unicode: "ü 漢字 🦉 \u2028 \u00a0 é <&>",
  yaml: "key: value # no comment\n- list\n--- \n... \n%YAML | > ! & * ? { [ no 0644",
  signs: "$ % $$ %% $x %x ends in $",
  shell: "#!/bin/sh\nset -eu\ncurl -w '%{http_code}' \"${URL:-http://localhost}\" | sed 's/$/\\\\/'\n",
};

/** Values that only Terraform knows, at apply. One line each for host.env, which can't hold a single quote. */
const LINE = 'a "quoted" \\ back $HOME ${x} %{y} `id` ü漢🦉 # ; = <&>';
const LINES = 'first "quoted" \'single\'\nsecond \\ ${x} %{y}\r\n\tthird ü漢🦉\n';

const directory = (() => {
  const parent = join(repositoryRoot(), ".triplicate");
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, "escape-"));
})();
const received: DriverServer[] = [];
let api: HetznerLocal;
let outputs: Record<string, { value: string }>;

function build(): string {
  const app = new App({ outdir: join(directory, "cdktf.out") });
  const stack = new TerraformStack(app, "escape");
  new LocalBackend(stack, { path: join(directory, "terraform.tfstate") });
  new HcloudProvider(stack, "hcloud", { token: createHash("sha256").update("escape").digest("hex"), pollInterval: "50ms" });
  const known = terraformData(stack, "known", { input: { line: escapeTemplate(LINE), lines: escapeTemplate(LINES) } });
  const [line, lines] = ["line", "lines"].map((name) => Token.asString(ref(`terraform_data.${known.friendlyUniqueId}.output.${name}`)));
  addHost(stack, line, lines);
  Object.entries(HOSTILE).forEach(([name, text]) => new TerraformOutput(stack, name, { value: escapeTemplate(text) }));
  for (const [name, signs] of Object.entries({ dollar: "$", percent: "%", dollars: "$$", mixed: "%$%", opening: "${", braces: "${x} %{y} $${VALUE:-" })) {
    new TerraformOutput(stack, `before_${name}`, { value: escapeTemplate(`cost: ${signs}${Token.asString(Fn.upper(line))} ${signs}${line}${signs}`) });
  }
  app.synth();
  return stacksInOrder(app.outdir)[0].directory;
}

function addHost(stack: TerraformStack, line: string, lines: string): void {
  const network = new PrivateNetwork(stack, "private", {
    name: "escape",
    range: "10.0.0.0/16",
    zone: "eu-central",
    subnets: { fsn1: "10.0.1.0/24" },
    labels: {},
    deleteProtection: false,
  });
  const host = new Host(stack, "host", { name: "web-1", location: "fsn1", serverType: "cx23", subnetId: network.subnetId("fsn1"), privateAddress: "10.0.1.9" });
  Object.entries(HOSTILE).forEach(([name, content]) => {
    host.addFile({ path: `/etc/shared/${name}`, content });
    host.addFile({ path: `/etc/unique/${name}`, content, isUnique: true });
  });
  host.addValue({ name: "LINE", value: line, maxBytes: 200 });
  host.addValue({ name: "KNOWN", value: LINE, maxBytes: 200 });
  host.addRuntimeFile({ path: "/run/triplicate/lines", content: lines, maxBytes: 200, fingerprint: "" });
  host.addRuntimeFile({ path: "/run/triplicate/mixed", content: `${line}:${lines}`, maxBytes: 400, fingerprint: "" });
}

beforeAll(async () => {
  const driver = { ...noneDriver, create: (server: DriverServer) => Promise.resolve(void received.push(server)) };
  api = await startHetznerLocal({ driver });
  const terraform = new Terraform(build(), { ...terraformEnvironment(), HCLOUD_ENDPOINT: api.url });
  for (const result of [await terraform.init(), await terraform.plan(), await terraform.apply()]) {
    if (result.exitCode === 1) throw new Error(result.output);
  }
  const state = (await terraform.state()) as { values: { outputs: typeof outputs } };
  outputs = state.values.outputs;
  expect((await terraform.plan()).output).toContain("No changes.");
});

afterAll(async () => {
  await api.close();
  rmSync(directory, { recursive: true, force: true });
});

function fileOnHost(path: string): string | undefined {
  return readCloudConfig(received[0].userData).files.find((file) => file.path === path)?.content.toString();
}

test("one machine was made", () => {
  expect(received.map(({ name }) => name)).toEqual(["web-1"]);
});

describe.each(Object.entries(HOSTILE))("%s", (name, text) => {
  test("as a file that hosts share", () => {
    expect(fileOnHost(`/etc/shared/${name}`)).toBe(text);
  });

  test("as a file of its own", () => {
    expect(fileOnHost(`/etc/unique/${name}`)).toBe(text);
  });

  test("at the top level of a configuration", () => {
    expect(outputs[name].value).toBe(text);
  });
});

test.each([
  ["dollar", "$"],
  ["percent", "%"],
  ["dollars", "$$"],
  ["mixed", "%$%"],
  ["opening", "${"],
  ["braces", "${x} %{y} $${VALUE:-"],
])("a text that ends in %s right before a token", (name, signs) => {
  expect(outputs[`before_${name}`].value).toBe(`cost: ${signs}${LINE.toUpperCase()} ${signs}${LINE}${signs}`);
});

test("a runtime file with newlines, quotes and everything else", () => {
  expect(fileOnHost("/run/triplicate/lines")).toBe(LINES);
  expect(fileOnHost("/run/triplicate/mixed")).toBe(`${LINE}:${LINES}`);
});

test("values of host.env, as a POSIX shell reads them", () => {
  const file = join(directory, "host.env");
  writeFileSync(file, fileOnHost("/run/triplicate/host.env")!);
  const { stdout } = spawnSync("sh", ["-euc", `. "${file}"; printf '%s\\n' "$LINE" "$KNOWN" "$SERVER_TYPE"`], { encoding: "utf8" });
  expect(stdout).toBe(`${LINE}\n${LINE}\ncx23\n`);
});

test("Python's YAML reads the files as cloud-init would", () => {
  const program = "import base64,json,sys,yaml; print(json.dumps({f['path']: f['content'] for f in yaml.safe_load(sys.stdin)['write_files']}))";
  const python = spawnSync("python3", ["-c", program], { input: received[0].userData, encoding: "utf8" });
  expect(python.stderr).toBe("");
  const files = JSON.parse(python.stdout) as Record<string, string>;
  expect(files["/run/triplicate/lines"]).toBe(LINES);
  expect(files["/run/triplicate/host.env"]).toContain(`LINE='${LINE}'\n`);
});
