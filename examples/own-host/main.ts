/** What another team writes: a host of its own, in a network of its own, that runs a web server. */
import { HcloudProvider } from "@cdktf/provider-hcloud/lib/provider";
import { Server } from "@cdktf/provider-hcloud/lib/server";
import { TlsProvider } from "@cdktf/provider-tls/lib/provider";
import { App, LocalBackend, TerraformOutput, TerraformStack, TerraformVariable } from "cdktf";
import { Construct } from "constructs";
import { CertificateAuthority, Firewall, HEALTH_PORT, HealthAgent, Host, IHostContribution, LeafCertificate, MachineIdentity, PrivateNetwork } from "triplicate";

const LABELS = { team: "web" };

/** What a contribution adds is rendered once, into the host's user_data; changing it replaces the host. */
class WebServer implements IHostContribution {
  public bind(host: Host): void {
    host.addPackage("nginx-light");
    host.addFile({ path: "/etc/nginx/sites-enabled/default", content: "server {\n  listen 80;\n  return 200 ${hostname};\n}\n" });
    host.addUnit({
      name: "triplicate-web.service",
      description: "Web server",
      after: ["triplicate-packages.service"],
      execStart: "/usr/bin/systemctl restart nginx.service",
    });
  }
}

class OwnHost extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    new LocalBackend(this, { path: `${id}.tfstate` });
    const token = new TerraformVariable(this, "hcloud_token", { type: "string", sensitive: true });
    new HcloudProvider(this, "hcloud", { token: token.stringValue });
    new TlsProvider(this, "tls");
    const network = new PrivateNetwork(this, "private", {
      name: "web",
      range: "10.8.0.0/16",
      zone: "eu-central",
      subnets: { fsn1: "10.8.1.0/24" },
      labels: LABELS,
      deleteProtection: false,
    });
    const inbound = [{ description: "web", protocol: "tcp", port: 80, sources: ["0.0.0.0/0", "::/0"] }] as const;
    new Firewall(this, "web", { name: "web", selector: "team=web", inbound, labels: LABELS });
    const host = new Host(this, "host", {
      name: "web-fsn1-1",
      location: "fsn1",
      serverType: "cx23",
      subnetId: network.subnetId("fsn1"),
      privateAddress: "10.8.1.16",
      labels: LABELS,
    });
    host.add(new WebServer());
    host.add(this.healthAgent("web-fsn1-1", "10.8.1.16"));
    const server: Server = host.server;
    new TerraformOutput(this, "address", { value: server.ipv4Address });
  }

  private healthAgent(name: string, address: string): HealthAgent {
    const authority = new CertificateAuthority(this, "authority", { name: "web machines", newest: 2 });
    const issuer = {
      certificate: authority.certificate(1),
      privateKey: authority.privateKey(1),
      trustBundle: authority.certificate(1) + authority.certificate(2),
    };
    const leaf = new LeafCertificate(this, name, { issuer, commonName: name, addresses: [address], renewedBy: "tls_self_signed_cert.authority" });
    const machine = {
      environment: "web",
      name,
      dataCenter: "fsn1",
      role: "web",
      quorum: false,
      address,
      port: HEALTH_PORT,
      generation: 1,
      machines: { [name]: { address, dataCenter: "fsn1", role: "web", quorum: false } },
    };
    return new HealthAgent({ machine, identity: new MachineIdentity(leaf.credentials, issuer.certificate) });
  }
}

const app = new App();
new OwnHost(app, "own-host");
app.synth();
