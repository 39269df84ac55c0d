import { FirewallSpec, renderFirewall } from "../../render/nftables";
import { Host, IHostContribution } from "../host/host";

const RULES = "/etc/triplicate/firewall.nft";

/**
 * The firewall of a host: closed on every side but for what it is told, whatever Hetzner's firewalls let through; and the
 * metadata service for nobody but the system's own services.
 *
 * It is loaded before the network comes up. Changing a rule replaces the host.
 */
export class HostFirewall implements IHostContribution {
  constructor(private readonly props: FirewallSpec) {}

  public bind(host: Host): void {
    host.addPackage("nftables");
    host.addFile({ path: RULES, content: renderFirewall(this.props) });
    host.addUnit({
      name: "triplicate-firewall.service",
      description: "Firewall",
      unit: {
        DefaultDependencies: "no",
        Wants: "network-pre.target",
        Before: "network-pre.target shutdown.target",
        Conflicts: "shutdown.target",
      },
      execStart: `/usr/sbin/nft --file ${RULES}`,
      wantedBy: "sysinit.target",
    });
  }
}
