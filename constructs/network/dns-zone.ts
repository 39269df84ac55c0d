import { Zone } from "@cdktf/provider-hcloud/lib/zone";
import { ZoneRrset } from "@cdktf/provider-hcloud/lib/zone-rrset";
import { TerraformIterator } from "cdktf";
import { Construct } from "constructs";

/** What a DNS zone is. */
export interface DnsZoneProps {
  /** The zone: `dev.example.com`; delegated to Hetzner's name servers by whoever owns the parent. */
  readonly domain: string;
  /** IPv4 addresses by name in the zone (`@`, `*`, `kubernetes`); a name with no address gets no record. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly deleteProtection: boolean;
}

/** A DNS zone with address records. */
export class DnsZone extends Construct {
  /** Seconds that a resolver may keep a record: a lost data center is out of DNS a minute after the deploy. */
  public static readonly TTL_SECONDS = 60;

  constructor(scope: Construct, id: string, props: DnsZoneProps) {
    super(scope, id);
    const zone = new Zone(this, "Resource", {
      name: props.domain,
      mode: "primary",
      ttl: DnsZone.TTL_SECONDS,
      labels: { ...props.labels },
      deleteProtection: props.deleteProtection,
    });
    zone.overrideLogicalId(id);
    const named = Object.entries(props.addresses).filter(([, addresses]) => addresses.length > 0);
    const forEach = TerraformIterator.fromMap(
      Object.fromEntries(named.map(([name, addresses]) => [name, { records: addresses.map((value) => ({ value })) }])),
    );
    const records = new ZoneRrset(this, "Records", {
      forEach,
      zone: zone.name,
      name: forEach.key,
      type: "A",
      ttl: DnsZone.TTL_SECONDS,
      labels: { ...props.labels },
      records: [],
    });
    records.addOverride("records", "${each.value.records}");
    records.overrideLogicalId(id);
  }
}
