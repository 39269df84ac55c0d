/** The real Terraform with the real provider against the local API. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startHetznerLocal, type HetznerLocal } from "../src/index";
import { TOKEN } from "./support";

const LOCATIONS = ["fsn1", "nbg1", "hel1"];

jest.setTimeout(120_000);

function providerMirror(): string | undefined {
  const candidates = [process.env.TRIPLICATE_PROVIDER_MIRROR, resolve(__dirname, "../../../../shared/terraform-providers")];
  return candidates.find((path) => path !== undefined && existsSync(path));
}

interface Values {
  readonly userData?: string;
  readonly config?: string;
  readonly isProtected?: boolean;
}

function configuration({ userData = "#cloud-config\n", config = "1", isProtected = true }: Values): object {
  return {
    terraform: { required_providers: { hcloud: { source: "hetznercloud/hcloud", version: "1.68.0" } } },
    provider: { hcloud: { poll_interval: "50ms", poll_function: "constant" } },
    resource: { ...persistent(isProtected), ...machines(userData, config) },
    data: {
      hcloud_servers: { voters: { with_selector: "role in (voter,learner),!draining", depends_on: ["hcloud_server.node"] } },
      hcloud_networks: { all: { with_selector: "env=test", depends_on: ["hcloud_network.net"] } },
      hcloud_server_types: { all: {} },
      hcloud_locations: { all: {} },
    },
    output: {
      servers: { value: "${sort(data.hcloud_servers.voters.servers[*].name)}" },
      networks: { value: "${data.hcloud_networks.all.networks[*].name}" },
      types: { value: "${[for t in data.hcloud_server_types.all.server_types : t.name]}" },
    },
  };
}

function persistent(isProtected: boolean): object {
  return {
    hcloud_network: { net: { name: "net", ip_range: "10.0.0.0/16", labels: { env: "test" }, delete_protection: isProtected } },
    hcloud_network_subnet: Object.fromEntries(LOCATIONS.map((location, index) => [
      location, { network_id: "${hcloud_network.net.id}", type: "cloud", network_zone: "eu-central", ip_range: `10.0.${index + 1}.0/24` },
    ])),
    hcloud_firewall: {
      hosts: {
        name: "hosts",
        apply_to: [{ label_selector: "env=test" }],
        rule: [{ direction: "in", protocol: "tcp", port: "443", source_ips: ["0.0.0.0/0", "::/0"] }, { direction: "in", protocol: "icmp", source_ips: ["0.0.0.0/0"] }],
      },
    },
    hcloud_placement_group: { spread: { name: "spread", type: "spread" } },
    hcloud_load_balancer: { lb: { name: "lb", load_balancer_type: "lb11", location: "fsn1", delete_protection: isProtected } },
    hcloud_load_balancer_network: { lb: { load_balancer_id: "${hcloud_load_balancer.lb.id}", subnet_id: "${hcloud_network_subnet.fsn1.id}", ip: "10.0.1.5" } },
    hcloud_load_balancer_service: Object.fromEntries([80, 443].map((port) => [
      `p${port}`, { load_balancer_id: "${hcloud_load_balancer.lb.id}", protocol: "tcp", listen_port: port, destination_port: 30000 + port },
    ])),
    hcloud_load_balancer_target: {
      ingress: {
        load_balancer_id: "${hcloud_load_balancer.lb.id}", type: "label_selector", label_selector: "env=test", use_private_ip: true,
        depends_on: ["hcloud_load_balancer_network.lb"],
      },
    },
    hcloud_zone: { zone: { name: "example.org", mode: "primary", delete_protection: isProtected } },
    hcloud_zone_rrset: {
      www: { zone: "${hcloud_zone.zone.name}", name: "www", type: "A", ttl: 60, records: [{ value: "${hcloud_load_balancer.lb.ipv4}" }] },
    },
    hcloud_volume: { data: { for_each: "${toset([\"fsn1\", \"nbg1\"])}", name: "data-${each.key}", size: 10, location: "${each.key}", delete_protection: isProtected } },
    hcloud_primary_ip: {
      ip: {
        for_each: "${toset([\"fsn1\", \"nbg1\"])}", name: "ip-${each.key}", type: "ipv4", location: "${each.key}",
        auto_delete: false, delete_protection: isProtected,
      },
    },
  };
}

function machines(userData: string, config: string): object {
  const server = (location: string, index: number, publicNet: object): object => ({
    name: `node-${location}`, server_type: "cx23", image: "debian-13", location, user_data: location === "fsn1" ? userData : "#cloud-config\n",
    labels: { env: "test", role: "voter", config }, placement_group_id: "${hcloud_placement_group.spread.id}",
    network: [{ subnet_id: `\${hcloud_network_subnet.${location}.id}`, ip: `10.0.${index + 1}.10`, alias_ips: [] }],
    public_net: [{ ipv4_enabled: true, ipv6_enabled: false, ...publicNet }],
    shutdown_before_deletion: true,
  });
  return {
    hcloud_server: {
      node: {
        for_each: "${toset([\"fsn1\", \"nbg1\"])}",
        ...server("x", 0, { ipv4: "${hcloud_primary_ip.ip[each.key].id}" }),
        name: "node-${each.key}", location: "${each.key}",
        user_data: `\${each.key == "fsn1" ? ${JSON.stringify(userData)} : "#cloud-config\\n"}`,
        network: [{
          subnet_id: "${each.key == \"fsn1\" ? hcloud_network_subnet.fsn1.id : hcloud_network_subnet.nbg1.id}",
          ip: "${each.key == \"fsn1\" ? \"10.0.1.10\" : \"10.0.2.10\"}", alias_ips: [],
        }],
      },
      plain: server("hel1", 2, {}),
    },
    hcloud_volume_attachment: {
      data: { for_each: "${toset([\"fsn1\", \"nbg1\"])}", volume_id: "${hcloud_volume.data[each.key].id}", server_id: "${hcloud_server.node[each.key].id}", automount: false },
    },
  };
}

class Workspace {
  readonly directory = mkdtempSync(join(tmpdir(), "hetzner-local-"));
  private readonly env: NodeJS.ProcessEnv;

  constructor(local: HetznerLocal) {
    const mirror = providerMirror();
    const cli = join(this.directory, "terraform.rc");
    writeFileSync(cli, mirror === undefined ? "" : `provider_installation {\n  filesystem_mirror { path = ${JSON.stringify(mirror)} }\n}\n`);
    this.env = { ...process.env, TF_CLI_CONFIG_FILE: cli, CHECKPOINT_DISABLE: "1", HCLOUD_ENDPOINT: local.url, HCLOUD_TOKEN: TOKEN, TF_IN_AUTOMATION: "1" };
  }

  write(values: Values): void {
    writeFileSync(join(this.directory, "main.tf.json"), JSON.stringify(configuration(values)));
  }

  /** Runs terraform; gives its exit code and all it said. */
  run(...args: string[]): Promise<{ code: number; text: string }> {
    return new Promise((done) => {
      const options = { cwd: this.directory, env: this.env, maxBuffer: 1 << 26 };
      execFile("terraform", [...args, "-no-color"], options, (error, stdout, stderr) => {
        done({ code: error === null ? 0 : Number(error.code ?? 1), text: stdout + stderr });
      });
    });
  }

  async apply(values: Values): Promise<string> {
    this.write(values);
    const { code, text } = await this.run("apply", "-auto-approve", "-input=false");
    if (code !== 0) throw new Error(text);
    return text;
  }

  async output(): Promise<Record<string, { value: string[] }>> {
    return JSON.parse((await this.run("output", "-json")).text) as Record<string, { value: string[] }>;
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

describe("terraform with the real hcloud provider", () => {
  let local: HetznerLocal;
  let workspace: Workspace;
  let mayDetach = false;

  beforeAll(async () => {
    local = await startHetznerLocal({ projects: { test: TOKEN }, actionDelayMs: 20, mayDetach: () => Promise.resolve(mayDetach) });
    workspace = new Workspace(local);
    workspace.write({});
    const { code, text } = await workspace.run("init", "-input=false");
    if (code !== 0) throw new Error(text);
  });

  afterAll(async () => {
    workspace?.close();
    await local?.close();
  });

  const paths = (): string[] => local.requests().map((request) => `${request.method} ${request.path.replace(/\d{3,}/g, "#").replace("/v1", "")}`);

  test("applies the whole environment", async () => {
    await workspace.apply({});
    const { servers, volumes, loadBalancers, zones, firewalls } = local.snapshot("test");
    expect(servers.map((server) => [server.name, server.status, server.privateIps, server.volumes]).sort()).toEqual([
      ["node-fsn1", "running", ["10.0.1.10"], ["data-fsn1"]],
      ["node-hel1", "running", ["10.0.3.10"], []],
      ["node-nbg1", "running", ["10.0.2.10"], ["data-nbg1"]],
    ]);
    expect(servers.every((server) => server.placementGroup === "spread" && server.publicIpv4?.startsWith("127."))).toBe(true);
    expect(volumes.every((volume) => volume.isProtected)).toBe(true);
    expect(loadBalancers[0]).toMatchObject({ privateIps: ["10.0.1.5"], targets: ["env=test"] });
    expect([...loadBalancers[0].services].sort()).toEqual(["tcp 443 → 30443", "tcp 80 → 30080"]);
    expect(zones[0].records).toContain(`www A 60 ${loadBalancers[0].ipv4}`);
    expect(firewalls).toEqual([{ name: "hosts", rules: 2, appliedTo: ["env=test"] }]);
  });

  test("data sources see it, by selector", async () => {
    await workspace.apply({});
    const { servers, networks, types } = await workspace.output();
    expect(servers.value).toEqual(["node-fsn1", "node-hel1", "node-nbg1"]);
    expect(networks.value).toEqual(["net"]);
    expect(types.value).toEqual(expect.arrayContaining(["cx23", "cpx22", "cax11", "ccx13"]));
  });

  test("plans no changes afterwards", async () => {
    const { code, text } = await workspace.run("plan", "-detailed-exitcode", "-input=false");
    expect({ code, text: code === 0 ? "" : text }).toEqual({ code: 0, text: "" });
  });

  test("changes labels in place", async () => {
    local.clearRequests();
    const text = await workspace.apply({ config: "2" });
    expect(text).toContain("0 added, 3 changed, 0 destroyed");
    expect(paths()).toEqual(["PUT /servers/#", "PUT /servers/#", "PUT /servers/#"]);
  });

  test("a replacement that would lose a disk fails, with nothing detached", async () => {
    await expect(workspace.apply({ config: "2", userData: "#cloud-config\n# 2\n" })).rejects.toThrow(/volume 'data-fsn1' is in use/);
    expect(local.snapshot("test").volumes.map((volume) => volume.server)).toEqual(expect.arrayContaining(["node-fsn1", "node-nbg1"]));
  });

  test("replaces a server whose machine has let go, in the provider's order, and keeps address and disk", async () => {
    mayDetach = true;
    const address = (): string | null | undefined => local.snapshot("test").servers.find((server) => server.name === "node-fsn1")?.publicIpv4;
    const before = address();
    local.clearRequests();
    await workspace.apply({ config: "2", userData: "#cloud-config\n# 2\n" });
    expect(paths()).toEqual([
      "POST /volumes/#/actions/detach", "POST /servers/#/actions/shutdown", "DELETE /servers/#",
      "POST /servers", "POST /servers/#/actions/attach_to_network", "POST /volumes/#/actions/attach",
    ]);
    expect(address()).toBe(before);
    expect(local.snapshot("test").servers.find((server) => server.name === "node-fsn1")?.volumes).toEqual(["data-fsn1"]);
  });

  test("is refused while protected, and destroyed when protection is lifted", async () => {
    const refused = await workspace.run("destroy", "-auto-approve", "-input=false", "-target=hcloud_zone.zone");
    expect(refused.text).toContain("(protected)");
    await workspace.apply({ config: "2", userData: "#cloud-config\n# 2\n", isProtected: false });
    const { code, text } = await workspace.run("destroy", "-auto-approve", "-input=false");
    expect({ code, text: code === 0 ? "" : text }).toEqual({ code: 0, text: "" });
    const left = Object.entries(local.snapshot("test")).filter(([key, items]) => key !== "project" && items.length > 0);
    expect(left).toEqual([]);
  });
});
