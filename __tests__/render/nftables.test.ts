import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environments } from "../../config/environments";
import { ROLE_NAMES } from "../../config/roles";
import { BOOT_COMMANDS } from "../../constructs/host/base-system";
import { FirewallSpec, renderFirewall } from "../../render/nftables";
import { hostRules } from "../../stacks/firewalls";

const SPEC: FirewallSpec = {
  privateRange: "10.0.0.0/16",
  rules: [
    { service: "web", protocol: "tcp", port: 443, sources: ["192.0.2.0/24", "198.51.100.7"], side: "public" },
    { service: "etcd", protocol: "tcp", port: "2379-2380", sources: ["10.0.1.16-10.0.1.31"], side: "private" },
    { service: "database", protocol: "udp", port: 5432, sources: ["10.1.1.32-10.1.1.47"], side: "mesh" },
    { service: "nobody's", protocol: "tcp", port: 1, sources: [], side: "public" },
  ],
};

test("the table of a small host", () => {
  expect(renderFirewall(SPEC)).toBe(`table inet triplicate
delete table inet triplicate
table inet triplicate {
	chain inbound {
		type filter hook prerouting priority -150; policy drop;
		iif lo accept
		meta iifkind "bridge" ip daddr != 169.254.169.254 accept
		meta iifkind "bridge" counter drop
		udp sport 67 udp dport 68 accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
		fib saddr . iif oif missing counter drop
		ct state established,related accept
		fib daddr . iif type != local counter drop
		iifname != wg0 ip daddr != 10.0.0.0/16 ip saddr { 192.0.2.0/24, 198.51.100.7 } tcp dport 443 accept comment "web"
		ip daddr 10.0.0.0/16 ip saddr 10.0.1.16-10.0.1.31 tcp dport 2379-2380 accept comment "etcd"
		iifname wg0 ip saddr 10.1.1.32-10.1.1.47 udp dport 5432 accept comment "database"
		ip daddr 10.0.0.0/16 icmp type echo-request accept
		iifname wg0 icmp type echo-request accept
		counter drop
	}
	chain outbound {
		type filter hook output priority -150; policy accept;
		meta nfproto ipv6 accept
		ip daddr != 169.254.169.254 accept
		ct state established accept
		meta skuid 0 socket cgroupv2 level 1 "system.slice" accept
		counter reject
	}
}
`);
});

describe("the real nft", () => {
  const directory = mkdtempSync(join(tmpdir(), "triplicate-nft-"));
  // the slice is looked up where a host has the unified hierarchy; a machine without systemd has no slice
  const prepare = "mount -t cgroup2 none /sys/fs/cgroup && mkdir -p /sys/fs/cgroup/system.slice";
  const probe = inNamespaces(`${prepare} && nft list ruleset`);
  const missing = probe.status === 0 ? undefined : `no nft, or no namespaces of our own: ${probe.stderr.trim()}`;
  const title = (name: string) => (missing ? `${name} (skipped: ${missing})` : name);
  const check = missing ? test.skip : test;

  /** Runs commands with a network and mounts of their own. */
  function inNamespaces(commands: string): { status: number | null; stdout: string; stderr: string } {
    return spawnSync("unshare", ["--net", "--mount", "sh", "-ec", commands], { encoding: "utf8" });
  }

  afterAll(() => {
    // only if nothing is in it, so never a real one
    if (!missing) inNamespaces("mount -t cgroup2 none /sys/fs/cgroup && rmdir /sys/fs/cgroup/system.slice");
    rmSync(directory, { recursive: true });
  });

  function load(ruleset: string, commands: (path: string) => string): string {
    const path = join(directory, "firewall.nft");
    writeFileSync(path, ruleset);
    const { status, stdout, stderr } = inNamespaces(`${prepare}\n${commands(path)}`);
    expect([status, stderr]).toEqual([0, ""]);
    return stdout;
  }

  const cases = environments.flatMap((environment) =>
    ROLE_NAMES.map((role): [string, FirewallSpec] => [
      `${environment.name} ${role}`,
      { privateRange: environment.network.range, rules: hostRules(environment, role) },
    ]),
  );

  check.each([["a small host", SPEC] as [string, FirewallSpec], ...cases])(title("accepts the table of %s"), (_, spec) => {
    load(renderFirewall(spec), (path) => `nft --check --file ${path}`);
  });

  check(title("loads it twice, and over the closed one of the first boot, as one table; others stay"), () => {
    const [, closed] = /^nft '([^']+)'$/m.exec(BOOT_COMMANDS[0][2])!;
    const other = "table ip nat { chain other { type nat hook prerouting priority -100; }; }";
    const listed = load(renderFirewall(SPEC), (path) =>
      [`nft '${other}'`, `nft '${closed}'`, `nft -f ${path}`, `nft -f ${path}`, "nft list ruleset"].join("\n"),
    );
    expect(listed.match(/^table .*$/gm)).toEqual(["table ip nat {", "table inet triplicate {"]);
    expect(listed.match(/comment "\w+"/g)).toEqual(['comment "web"', 'comment "etcd"', 'comment "database"']);
    expect(listed.match(/policy \w+/g)).toEqual(["policy accept", "policy drop", "policy accept"]);
  });

  check(title("a program that is not root's reaches itself, by IPv4 and IPv6, and never the metadata service"), () => {
    const dial = (address: string) =>
      `setpriv --reuid 65534 --clear-groups timeout 5 python3 -c 'import socket; socket.create_connection(("${address}", 80), 2)' 2>/dev/null && echo yes || echo no`;
    const listen = "import socket, time; sockets = [socket.create_server((a, 80), family=f) for a, f in [('::1', 10), ('0.0.0.0', 2)]]; print(flush=True); time.sleep(20)";
    const answers = load(renderFirewall(SPEC), (path) =>
      [
        "ip link set lo up; ip address add 169.254.169.254/32 dev lo",
        `nft -f ${path}`,
        `python3 -c "${listen}" >${directory}/ready & listener=$!`,
        `until [ -s ${directory}/ready ]; do sleep 0.1; done`,
        ...["127.0.0.1", "::1", "169.254.169.254"].map(dial),
        "kill $listener",
      ].join("\n"),
    );
    expect(answers).toBe("yes\nyes\nno\n");
  });
});
