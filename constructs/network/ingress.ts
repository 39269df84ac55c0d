import { LoadBalancer } from "@cdktf/provider-hcloud/lib/load-balancer";
import { LoadBalancerNetwork } from "@cdktf/provider-hcloud/lib/load-balancer-network";
import { LoadBalancerService } from "@cdktf/provider-hcloud/lib/load-balancer-service";
import { LoadBalancerTargetA } from "@cdktf/provider-hcloud/lib/load-balancer-target";
import { TerraformIterator, Token } from "cdktf";
import { Construct } from "constructs";
import { instance } from "../terraform";

/** One load balancer of an ingress. */
export interface IngressPoint {
  /** Its Hetzner name. */
  readonly name: string;
  /** Its address in the private network. */
  readonly privateAddress: string;
  /** The id of the subnet that holds the address. */
  readonly subnetId: string;
}

/** What an ingress is. */
export interface IngressProps {
  /** One load balancer per data center, by location. */
  readonly points: Readonly<Record<string, IngressPoint>>;
  /** The machines behind all of them, as a Hetzner label selector. */
  readonly selector: string;
  /**
   * Hetzner load balancer type. Changing it is done in place.
   *
   * @default "lb11" - 25 targets, 5 services
   */
  readonly type?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly deleteProtection: boolean;
}

/** The ports that the world reaches. */
const PORTS = [80, 443] as const;

/**
 * The platform's way in: one load balancer per data center, each of which targets the ingress nodes of all data centers, so
 * that none of them is a single point. The PROXY protocol carries the caller's address.
 */
export class Ingress extends Construct {
  private readonly balancers: LoadBalancer;

  constructor(scope: Construct, id: string, props: IngressProps) {
    super(scope, id);
    const points = TerraformIterator.fromMap({ ...props.points });
    this.balancers = new LoadBalancer(this, "Resource", {
      forEach: points,
      name: points.getString("name"),
      location: points.key,
      loadBalancerType: props.type ?? "lb11",
      labels: { ...props.labels },
      deleteProtection: props.deleteProtection,
    });
    this.balancers.overrideLogicalId(id);
    const network = new LoadBalancerNetwork(this, "Network", {
      forEach: points,
      loadBalancerId: Token.asNumber(`\${hcloud_load_balancer.${id}[each.key].id}`),
      subnetId: points.getString("subnetId"),
      ip: points.getString("privateAddress"),
    });
    const target = new LoadBalancerTargetA(this, "Target", {
      forEach: points,
      type: "label_selector",
      loadBalancerId: Token.asNumber(`\${hcloud_load_balancer_network.${id}[each.key].load_balancer_id}`),
      labelSelector: props.selector,
      usePrivateIp: true,
    });
    for (const resource of [network, target]) resource.overrideLogicalId(id);
    this.addServices(id, Object.keys(props.points));
  }

  /** The public IPv4 address of a data center's load balancer. */
  public address(location: string): string {
    return instance(this.balancers, location, "ipv4");
  }

  private addServices(id: string, locations: readonly string[]): void {
    const services = locations.flatMap((location) => PORTS.map((port) => [`${location}-${port}`, { location, port }]));
    const forEach = TerraformIterator.fromMap(Object.fromEntries(services));
    const service = new LoadBalancerService(this, "Service", {
      forEach,
      loadBalancerId: `\${hcloud_load_balancer.${id}[each.value.location].id}`,
      protocol: "tcp",
      listenPort: forEach.getNumber("port"),
      destinationPort: forEach.getNumber("port"),
      proxyprotocol: true,
      healthCheck: { protocol: "tcp", port: forEach.getNumber("port"), interval: 5, timeout: 3, retries: 3 },
    });
    service.overrideLogicalId(id);
  }
}
