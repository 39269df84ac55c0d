import { toLines } from "./writers";

/** Something that may come in. */
export interface FirewallRule {
  /** What answers there; a comment in the ruleset. */
  readonly service: string;
  readonly protocol: "tcp" | "udp";
  /** A port, or a range like `2379-2380`. */
  readonly port: number | string;
  /** IPv4 networks, addresses or ranges (`10.0.1.16-10.0.1.31`); without any, the rule is left out. */
  readonly sources: readonly string[];
  /** At which of the machine's addresses it may arrive. */
  readonly side: "public" | "private" | "mesh";
}

/** What a host's firewall is. */
export interface FirewallSpec {
  /** The private network, as a CIDR. */
  readonly privateRange: string;
  readonly rules: readonly FirewallRule[];
}

/** Hetzner's metadata service: whoever reads it has every secret of the machine. */
const METADATA = "169.254.169.254";

/**
 * Renders the table `triplicate`, which replaces the one of that name in one step and touches no other: Docker, K3s and
 * kube-proxy keep theirs.
 *
 * What comes in is judged in prerouting at priority -150, after conntrack (-200) and before any DNAT (-100), so that a
 * published container port or a NodePort is no way round. Interfaces have no fixed names: a packet is for the public side if
 * it arrives at an address of the interface that it came by and that is not in the private network.
 */
export function renderFirewall({ privateRange, rules }: FirewallSpec): string {
  const lines = rules.filter(({ sources }) => sources.length > 0).map((rule) => renderRule(rule, privateRange));
  return toLines([
    "table inet triplicate",
    "delete table inet triplicate",
    "table inet triplicate {",
    "\tchain inbound {",
    "\t\ttype filter hook prerouting priority -150; policy drop;",
    "\t\tiif lo accept",
    // containers: out into the world, but never to the metadata service
    `\t\tmeta iifkind "bridge" ip daddr != ${METADATA} accept`,
    '\t\tmeta iifkind "bridge" counter drop',
    "\t\tudp sport 67 udp dport 68 accept",
    "\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept",
    // a sender that is not reached by the way it came by is not who it says it is
    "\t\tfib saddr . iif oif missing counter drop",
    "\t\tct state established,related accept",
    "\t\tfib daddr . iif type != local counter drop",
    ...lines.map((line) => `\t\t${line}`),
    `\t\tip daddr ${privateRange} icmp type echo-request accept`,
    "\t\tiifname wg0 icmp type echo-request accept",
    "\t\tcounter drop",
    "\t}",
    "\tchain outbound {",
    "\t\ttype filter hook output priority -150; policy accept;",
    "\t\tmeta nfproto ipv6 accept",
    `\t\tip daddr != ${METADATA} accept`,
    // the end of a connection, which may have no owner any more
    "\t\tct state established accept",
    // the system's own services, which run as root; containers are in a slice of their own, whatever network they use
    '\t\tmeta skuid 0 socket cgroupv2 level 1 "system.slice" accept',
    "\t\tcounter reject",
    "\t}",
    "}",
  ]);
}

function renderRule({ service, protocol, port, sources, side }: FirewallRule, privateRange: string): string {
  const arrival = { public: `iifname != wg0 ip daddr != ${privateRange}`, private: `ip daddr ${privateRange}`, mesh: "iifname wg0" }[side];
  const from = sources.length === 1 ? sources[0] : `{ ${sources.join(", ")} }`;
  return `${arrival} ip saddr ${from} ${protocol} dport ${port} accept comment "${service}"`;
}
