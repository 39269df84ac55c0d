/** The shell programs of the first boot, with the system's own programs stood in for. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readAsset } from "../../constructs/host/assets";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "triplicate-first-boot-"));
});

afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

/** Runs a program with absolute paths below the root, and logs calls of some programs instead of making them. */
function run(asset: string, stubs: Record<string, string>): { status: number | null; stdout: string; calls: string[] } {
  for (const [name, body] of Object.entries(stubs)) {
    write(`bin/${name}`, `#!/bin/sh\necho "${name} $*" >>"${root}/calls"\n${body}\n`);
    chmodSync(join(root, "bin", name), 0o755);
  }
  write("calls", "");
  const program = readAsset(asset).replaceAll(/(?<=[\s"=])\/(?=(run|var|etc|sys)\/)/g, `${root}/`);
  const { status, stdout } = spawnSync("sh", ["-c", program], { env: { PATH: `${root}/bin:${process.env.PATH}` }, encoding: "utf8" });
  const calls = readFileSync(join(root, "calls"), "utf8").replaceAll(root, "").trim();
  return { status, stdout: stdout.replaceAll(root, ""), calls: calls === "" ? [] : calls.split("\n") };
}

describe("wait-for-clock.sh", () => {
  const seconds = { sleep: "", date: "echo now" };

  test("ends at once if a time server has answered", () => {
    write("run/systemd/timesync/synchronized", "");
    expect(run("wait-for-clock.sh", { ...seconds, openssl: "" })).toEqual({ status: 0, stdout: "", calls: [] });
  });

  test("waits a minute for one, and then takes a clock by which the machine's certificate is valid", () => {
    const { status, stdout, calls } = run("wait-for-clock.sh", { ...seconds, openssl: "" });
    expect(status).toBe(0);
    expect(calls.filter((call) => call === "sleep 1")).toHaveLength(60);
    expect(calls.filter((call) => call.startsWith("openssl"))).toEqual([
      "openssl verify -partial_chain -CAfile /run/triplicate/tls/ca.pem /run/triplicate/tls/machine.pem",
    ]);
    expect(stdout.split("\n")).toEqual([
      "clock: waits for a time server, it is now here",
      "clock: waits for a time server, it is now here",
      "clock: no time server answers; it is now, which this machine's certificate allows",
      "",
    ]);
  });

  test("goes on waiting while the certificate is not valid by the clock", () => {
    const openssl = `[ "$(grep -c openssl "${root}/calls")" -ge 30 ]`;
    const { status, calls } = run("wait-for-clock.sh", { ...seconds, openssl });
    expect(status).toBe(0);
    expect(calls.filter((call) => call === "sleep 1")).toHaveLength(89);
  });
});

describe("first-boot-done.sh", () => {
  const stubs = Object.fromEntries(["find", "rm", "systemctl", "fstrim", "touch", "sync"].map((name) => [name, ""]));

  test("leaves everything to the next boot if cloud-init ended with errors", () => {
    write("run/cloud-init/result.json", '{\n "v1": {\n  "errors": [\n   "runcmd"\n  ]\n }\n}');
    const { status, calls } = run("first-boot-done.sh", stubs);
    expect([status, calls]).toEqual([0, []]);
  });

  test("hands the host over to systemd in one last step, once no secret is left on the disk", () => {
    write("run/cloud-init/result.json", '{\n "v1": {\n  "errors": []\n }\n}');
    write("sys/class/net/eth0/address", "96:00:00:12:34:56\n");
    mkdirSync(join(root, "etc/systemd/network"), { recursive: true });
    const route = 'echo "default via 172.31.1.1 dev eth0 proto dhcp"';
    const { status, calls } = run("first-boot-done.sh", { ...stubs, ip: route });
    expect(status).toBe(0);
    const link = readFileSync(join(root, "etc/systemd/network/05-triplicate-public.link"), "utf8");
    expect(link).toBe("[Match]\nPermanentMACAddress=96:00:00:12:34:56\n[Link]\nName=eth0\n");
    expect(calls).toEqual([
      "ip -oneline route show default",
      "find /var/lib/cloud/instances -type f -exec shred --remove {} +",
      "rm -rf /var/lib/cloud/instances /var/lib/cloud/instance",
      "systemctl enable --quiet triplicate.target triplicate-firewall.service",
      "sync ",
      "fstrim /",
      "touch /etc/cloud/cloud-init.disabled /var/lib/triplicate/done",
      "sync",
    ]);
  });
});
