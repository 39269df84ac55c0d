import type { DriverFirewallRule } from "hetzner-local";

/** What may come in at a public address; `undefined` is everything. */
export type Rules = readonly DriverFirewallRule[] | undefined;

/**
 * The nftables rules that stand in for Hetzner's firewalls: a whole table, which replaces the one before in one step.
 *
 * They see what is on its way to a machine's public NIC, forwarded or from the lab itself. Answers pass, and so does what
 * Hetzner's own services send.
 */
export function firewallTable(machines: ReadonlyMap<string, Rules>): string {
  const filtered = [...machines].flatMap(([address, rules]) => (rules === undefined ? [] : [{ address, rules }]));
  const jumps = filtered.map(({ address }) => `${address} : jump ${chainOf(address)}`);
  return [
    "table ip hetzner",
    "delete table ip hetzner",
    "table ip hetzner {",
    ...filtered.flatMap(({ address, rules }) => [`chain ${chainOf(address)} {`, ...rules.flatMap(accepting), "drop", "}"]),
    "chain inbound {",
    "type filter hook postrouting priority filter; policy accept;",
    'oifname != "public" accept',
    "ct state established,related accept",
    "ip saddr { 172.31.1.1, 169.254.169.254 } accept",
    ...(jumps.length > 0 ? [`ip daddr vmap { ${jumps.join(", ")} }`] : []),
    "}",
    "}",
    "",
  ].join("\n");
}

function chainOf(address: string): string {
  return `to-${address.replaceAll(".", "-")}`;
}

/** The lab has no IPv6, so those sources are nobody. */
function accepting({ protocol, port, sources }: DriverFirewallRule): string[] {
  const own = sources.filter((source) => !source.includes(":"));
  if (own.length === 0) return [];
  const from = own.includes("0.0.0.0/0") ? "" : `ip saddr { ${own.join(", ")} } `;
  const what = protocol === "icmp" ? "ip protocol icmp" : `${protocol} dport ${port ?? "1-65535"}`;
  return [`${from}${what} accept`];
}
