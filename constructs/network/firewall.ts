import { Firewall as HcloudFirewall } from "@cdktf/provider-hcloud/lib/firewall";
import { Construct } from "constructs";

/** Something that may reach machines from outside. */
export interface InboundRule {
  readonly description: string;
  readonly protocol: "tcp" | "udp" | "icmp";
  /**
   * The TCP or UDP port, or a range like `2379-2380`.
   *
   * @default - all, for ICMP
   */
  readonly port?: number | string;
  /** CIDRs. */
  readonly sources: readonly string[];
}

/** What a firewall opens, and for which machines. */
export interface FirewallProps {
  readonly name: string;
  /** The machines it is for, as a Hetzner label selector. It applies to machines as they come. */
  readonly selector: string;
  /** What may come in; all else may not. An empty list closes the public side. */
  readonly inbound: readonly InboundRule[];
  readonly labels: Readonly<Record<string, string>>;
}

/** A Hetzner firewall. It guards the public side only; the host's own firewall guards both. */
export class Firewall extends Construct {
  constructor(scope: Construct, id: string, props: FirewallProps) {
    super(scope, id);
    const firewall = new HcloudFirewall(this, "Resource", {
      name: props.name,
      labels: { ...props.labels },
      applyTo: [{ labelSelector: props.selector }],
      rule: props.inbound.map((rule) => ({
        direction: "in",
        description: rule.description,
        protocol: rule.protocol,
        port: rule.port === undefined ? undefined : String(rule.port),
        sourceIps: [...rule.sources],
      })),
    });
    firewall.overrideLogicalId(id);
  }
}
