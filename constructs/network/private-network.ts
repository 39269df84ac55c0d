import { Network } from "@cdktf/provider-hcloud/lib/network";
import { NetworkSubnet } from "@cdktf/provider-hcloud/lib/network-subnet";
import { TerraformIterator, Token } from "cdktf";
import { Construct } from "constructs";
import { instance } from "../terraform";

/** What a private network is. */
export interface PrivateNetworkProps {
  readonly name: string;
  /** CIDR of the whole network. It can only grow in place. */
  readonly range: string;
  /** Hetzner network zone of all subnets: `eu-central`. */
  readonly zone: string;
  /** CIDR of each data center's subnet, by location. Changing one makes the subnet anew: every machine in it first. */
  readonly subnets: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether Hetzner refuses to delete it. */
  readonly deleteProtection: boolean;
}

/** One network with a subnet per data center. Hetzner routes between them; machines share no layer 2. */
export class PrivateNetwork extends Construct {
  /** The network's id. */
  public readonly networkId: string;
  private readonly subnets: NetworkSubnet;

  constructor(scope: Construct, id: string, props: PrivateNetworkProps) {
    super(scope, id);
    const network = new Network(this, "Resource", {
      name: props.name,
      ipRange: props.range,
      labels: { ...props.labels },
      deleteProtection: props.deleteProtection,
    });
    network.overrideLogicalId(id);
    this.networkId = network.id;
    const forEach = TerraformIterator.fromMap({ ...props.subnets });
    this.subnets = new NetworkSubnet(this, "Subnets", {
      forEach,
      networkId: Token.asNumber(network.id),
      type: "cloud",
      networkZone: props.zone,
      ipRange: Token.asString(forEach.value),
    });
    this.subnets.overrideLogicalId(id);
  }

  /** The id of a data center's subnet. */
  public subnetId(location: string): string {
    return instance(this.subnets, location, "id");
  }
}
