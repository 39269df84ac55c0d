import { PrimaryIp } from "@cdktf/provider-hcloud/lib/primary-ip";
import { TerraformIterator } from "cdktf";
import { Construct } from "constructs";
import { instance } from "../terraform";

/** What primary addresses are made for. */
export interface PrimaryAddressesProps {
  /** The location of each machine that keeps its address, by the machine's name. */
  readonly locations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly deleteProtection: boolean;
}

/** Public IPv4 addresses that stay when their machines are replaced; each has its machine's name. */
export class PrimaryAddresses extends Construct {
  private readonly addresses: PrimaryIp;

  constructor(scope: Construct, id: string, props: PrimaryAddressesProps) {
    super(scope, id);
    const entries = Object.entries(props.locations).map(([name, location]) => [name, { location }]);
    const forEach = TerraformIterator.fromMap(Object.fromEntries(entries));
    this.addresses = new PrimaryIp(this, "Resource", {
      forEach,
      name: forEach.key,
      type: "ipv4",
      location: forEach.getString("location"),
      autoDelete: false,
      labels: { ...props.labels },
      deleteProtection: props.deleteProtection,
    });
    this.addresses.overrideLogicalId(id);
  }

  /** The id of a machine's address. */
  public addressId(machine: string): string {
    return instance(this.addresses, machine, "id");
  }

  /** A machine's address. */
  public address(machine: string): string {
    return instance(this.addresses, machine, "ip_address");
  }
}
