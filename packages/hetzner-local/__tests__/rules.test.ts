/** One case per rule, by HTTP: the request that breaks it, and the exact status and code of the answer. */
import { Client, serverBody, startClient, type Answer } from "./support";

type Case = readonly [rule: string, expected: string, request: (client: Client) => Promise<Answer>];

const NIC = (network: number, ip?: string): object => ({ network, ip });

const NETWORKS: readonly Case[] = [
  ["network ranges are private", "422 invalid_input", (c) => c.post("/networks", { name: "n", ip_range: "8.8.0.0/16" })],
  ["network ranges have no host bits", "422 invalid_input", (c) => c.post("/networks", { name: "n", ip_range: "10.0.0.1/16" })],
  ["networks are /24 or larger", "422 invalid_input", (c) => c.post("/networks", { name: "n", ip_range: "10.0.0.0/25" })],
  ["subnets lie inside the network", "422 invalid_input", async (c) => c.post(`/networks/${await c.network()}/actions/add_subnet`, subnet("10.1.0.0/24"))],
  ["subnets do not overlap", "422 invalid_input", async (c) => c.post(`/networks/${await c.network()}/actions/add_subnet`, subnet("10.0.1.128/25"))],
  ["a subnet in use stays", "422 service_error", async (c) => {
    const [net, server] = [await c.network(), await c.server("a")];
    await c.make(`/servers/${server.id}/actions/attach_to_network`, NIC(net));
    return c.post(`/networks/${net}/actions/delete_subnet`, { ip_range: "10.0.1.0/24" });
  }],
  ["an address is used once", "422 ip_not_available", async (c) => {
    const net = await c.network();
    await c.make(`/servers/${(await c.server("a")).id}/actions/attach_to_network`, NIC(net, "10.0.1.7"));
    return c.post(`/servers/${(await c.server("b")).id}/actions/attach_to_network`, NIC(net, "10.0.1.7"));
  }],
  ["the gateway is reserved", "422 ip_not_available", async (c) => {
    const { network } = await c.make("/networks", { name: "n", ip_range: "10.0.0.0/24", subnets: [subnet("10.0.0.0/24")] });
    return c.post(`/servers/${(await c.server("a")).id}/actions/attach_to_network`, NIC(network.id, "10.0.0.1"));
  }],
  ["the network address is reserved", "422 ip_not_available", (c) => attach(c, "10.0.1.0")],
  ["the broadcast address is reserved", "422 ip_not_available", (c) => attach(c, "10.0.1.255")],
  ["an address is in a subnet", "422 ip_not_available", (c) => attach(c, "10.0.9.9")],
  ["the network zone is the location's", "422 no_subnet_available", (c) => attach(c, "10.0.1.9", { location: "ash", server_type: "ccx13" })],
  ["a server is attached once", "422 server_already_attached", async (c) => {
    const [net, server] = [await c.network(), await c.server("a")];
    await c.make(`/servers/${server.id}/actions/attach_to_network`, NIC(net));
    return c.post(`/servers/${server.id}/actions/attach_to_network`, NIC(net));
  }],
  ["a network with servers stays (strict)", "422 resource_in_use", async (c) => {
    const net = await c.network();
    await c.make(`/servers/${(await c.server("a")).id}/actions/attach_to_network`, NIC(net));
    return c.call("DELETE", `/networks/${net}`);
  }],
];

const VOLUMES: readonly Case[] = [
  ["volumes have 10 GB at least", "422 invalid_input", (c) => c.post("/volumes", { name: "v", size: 9, location: "fsn1" })],
  ["volumes have 10240 GB at most", "422 invalid_input", (c) => c.post("/volumes", { name: "v", size: 10241, location: "fsn1" })],
  ["volumes only grow", "422 invalid_input", async (c) => c.post(`/volumes/${(await c.volume("v")).id}/actions/resize`, { size: 10 })],
  ["volume names are unique", "409 uniqueness_error", async (c) => {
    await c.volume("v");
    return c.post("/volumes", { name: "v", size: 10, location: "nbg1" });
  }],
  ["volumes stay in their location", "422 invalid_input", async (c) => {
    const server = await c.server("a", { location: "nbg1" });
    return c.post(`/volumes/${(await c.volume("v")).id}/actions/attach`, { server: server.id });
  }],
  ["a volume has one server", "422 volume_already_attached", async (c) => {
    const { volume } = await attached(c);
    return c.post(`/volumes/${volume}/actions/attach`, { server: (await c.server("b")).id });
  }],
  ["a server has 16 volumes at most", "403 resource_limit_exceeded", async (c) => {
    const server = await c.server("a");
    for (let n = 0; n < 16; n++) await c.volume(`v${n}`, { location: undefined, server: server.id });
    return c.post(`/volumes/${(await c.volume("one-more")).id}/actions/attach`, { server: server.id });
  }],
  ["an attached volume stays", "422 volume_already_attached", async (c) => c.call("DELETE", `/volumes/${(await attached(c)).volume}`)],
  ["a running server keeps its volumes (strict)", "423 protected", async (c) => c.post(`/volumes/${(await attached(c)).volume}/actions/detach`)],
  ["a running server with volumes stays (strict)", "423 protected", async (c) => c.call("DELETE", `/servers/${(await attached(c)).server}`)],
];

const SERVERS: readonly Case[] = [
  ["server names are unique", "409 uniqueness_error", async (c) => {
    await c.server("a");
    return c.post("/servers", serverBody("a"));
  }],
  ["a rename must be unique too", "409 uniqueness_error", async (c) => {
    await c.server("a");
    return c.call("PUT", `/servers/${(await c.server("b")).id}`, { name: "a" });
  }],
  ["server names are host names", "422 invalid_input", (c) => c.post("/servers", serverBody("under_score"))],
  ["user_data has 32768 bytes at most", "422 invalid_input", (c) => c.post("/servers", serverBody("a", { user_data: "ä".repeat(16385) }))],
  ["types are sold per location", "422 invalid_input", (c) => c.post("/servers", serverBody("a", { location: "ash" }))],
  ["old types can't be ordered", "422 invalid_server_type", (c) => c.post("/servers", serverBody("a", { server_type: "cx22" }))],
  ["images fit the architecture", "422 invalid_input", (c) => c.post("/servers", serverBody("a", { server_type: "cax11", image: 303 }))],
  ["data centers are gone", "422 invalid_input", (c) => c.post("/servers", serverBody("a", { datacenter: "fsn1-dc14" }))],
  ["label keys follow the grammar", "422 invalid_input", (c) => c.post("/servers", serverBody("a", { labels: { "-x": "1" } }))],
  ["label values have 63 characters at most", "422 invalid_input", (c) => c.post("/servers", serverBody("a", { labels: { x: "y".repeat(64) } }))],
  ["a type change needs a stopped server", "422 server_not_stopped", async (c) => c.post(`/servers/${(await c.server("a")).id}/actions/change_type`, { server_type: "cx33" })],
  ["disks do not shrink", "422 invalid_server_type", async (c) => {
    const server = await c.server("a", { server_type: "cx33" });
    await c.make(`/servers/${server.id}/actions/poweroff`);
    return c.post(`/servers/${server.id}/actions/change_type`, { server_type: "cx23" });
  }],
  ["a server needs an interface to run", "422 invalid_input", async (c) => {
    const server = await c.server("a", { public_net: { enable_ipv4: false, enable_ipv6: false }, start_after_create: false });
    return c.post(`/servers/${server.id}/actions/poweron`);
  }],
  ["a placement group has ten servers at most", "422 placement_error", async (c) => {
    const { placement_group: group } = await c.make("/placement_groups", { name: "g", type: "spread" });
    for (let n = 0; n < 10; n++) await c.server(`a${n}`, { placement_group: group.id });
    return c.post("/servers", serverBody("one-more", { placement_group: group.id }));
  }],
  ["a running server enters no placement group", "422 server_not_stopped", async (c) => {
    const { placement_group: group } = await c.make("/placement_groups", { name: "g", type: "spread" });
    return c.post(`/servers/${(await c.server("a")).id}/actions/add_to_placement_group`, { placement_group: group.id });
  }],
  ["a placement group in use stays", "422 resource_in_use", async (c) => {
    const { placement_group: group } = await c.make("/placement_groups", { name: "g", type: "spread" });
    await c.server("a", { placement_group: group.id });
    return c.call("DELETE", `/placement_groups/${group.id}`);
  }],
];

const PRIMARY_IPS: readonly Case[] = [
  ["an assigned address is not given to a new server", "422 primary_ip_assigned", async (c) => {
    const { ip } = await withPrimaryIp(c);
    return c.post("/servers", serverBody("b", { public_net: { enable_ipv4: true, ipv4: ip, enable_ipv6: false } }));
  }],
  ["an assigned address is not assigned again", "422 primary_ip_already_assigned", async (c) => {
    const { ip } = await withPrimaryIp(c);
    const other = await c.server("b", { start_after_create: false, public_net: { enable_ipv4: false, enable_ipv6: false } });
    return c.post(`/primary_ips/${ip}/actions/assign`, { assignee_id: other.id, assignee_type: "server" });
  }],
  ["addresses stay in their location", "422 primary_ip_datacenter_mismatch", async (c) => {
    const { primary_ip: ip } = await c.make("/primary_ips", { name: "ip", type: "ipv4", location: "nbg1" });
    return c.post("/servers", serverBody("a", { public_net: { enable_ipv4: true, ipv4: ip.id, enable_ipv6: false } }));
  }],
  ["the family must fit", "422 primary_ip_version_mismatch", async (c) => {
    const { primary_ip: ip } = await c.make("/primary_ips", { name: "ip", type: "ipv6", location: "fsn1" });
    return c.post("/servers", serverBody("a", { public_net: { enable_ipv4: true, ipv4: ip.id, enable_ipv6: false } }));
  }],
  ["a running server gets no address", "422 server_not_stopped", async (c) => {
    const { primary_ip: ip } = await c.make("/primary_ips", { name: "ip", type: "ipv4", location: "fsn1" });
    return c.post(`/primary_ips/${ip.id}/actions/assign`, { assignee_id: (await c.server("a")).id, assignee_type: "server" });
  }],
  ["a running server loses no address", "422 server_not_stopped", async (c) => c.post(`/primary_ips/${(await withPrimaryIp(c)).ip}/actions/unassign`)],
  ["an assigned address stays", "422 must_be_unassigned", async (c) => c.call("DELETE", `/primary_ips/${(await withPrimaryIp(c)).ip}`)],
  ["auto_delete excludes protection", "422 invalid_input", async (c) => {
    const { primary_ip: ip } = await c.make("/primary_ips", { name: "ip", type: "ipv4", location: "fsn1", auto_delete: true });
    return c.post(`/primary_ips/${ip.id}/actions/change_protection`, { delete: true });
  }],
];

const OTHERS: readonly Case[] = [
  ["a firewall in use stays", "422 resource_in_use", async (c) => {
    await c.server("a", { labels: { env: "x" } });
    const { firewall } = await c.make("/firewalls", { name: "f", apply_to: [{ type: "label_selector", label_selector: { selector: "env=x" } }] });
    return c.call("DELETE", `/firewalls/${firewall.id}`);
  }],
  ["a firewall by selector is not removed by hand", "422 firewall_managed_by_label_selector", async (c) => {
    const server = await c.server("a", { labels: { env: "x" } });
    const { firewall } = await c.make("/firewalls", { name: "f", apply_to: [{ type: "label_selector", label_selector: { selector: "env=x" } }] });
    return c.post(`/firewalls/${firewall.id}/actions/remove_from_resources`, { remove_from: [{ type: "server", server: { id: server.id } }] });
  }],
  ["a firewall needs a public interface", "422 private_net_only_server", async (c) => {
    const server = await c.server("a", { public_net: { enable_ipv4: false, enable_ipv6: false }, start_after_create: false });
    const { firewall } = await c.make("/firewalls", { name: "f" });
    return c.post(`/firewalls/${firewall.id}/actions/apply_to_resources`, { apply_to: [{ type: "server", server: { id: server.id } }] });
  }],
  ["tcp rules have ports", "422 invalid_input", (c) => c.post("/firewalls", { name: "f", rules: [{ direction: "in", protocol: "tcp", source_ips: ["0.0.0.0/0"] }] })],
  ["a port is listened on once", "422 source_port_already_used", async (c) => {
    const lb = await balancer(c);
    await c.make(`/load_balancers/${lb}/actions/add_service`, { protocol: "http" });
    return c.post(`/load_balancers/${lb}/actions/add_service`, { protocol: "tcp", listen_port: 80, destination_port: 8080 });
  }],
  ["private targets need a network", "422 load_balancer_not_attached_to_network", async (c) => c.post(`/load_balancers/${await balancer(c)}/actions/add_target`, {
    type: "label_selector", label_selector: { selector: "a" }, use_private_ip: true,
  })],
  ["targets are in the same network", "422 server_not_attached_to_network", async (c) => {
    const lb = await balancer(c);
    await c.make(`/load_balancers/${lb}/actions/attach_to_network`, NIC(await c.network()));
    return c.post(`/load_balancers/${lb}/actions/add_target`, { type: "server", server: { id: (await c.server("a")).id }, use_private_ip: true });
  }],
  ["targets differ", "422 target_already_defined", async (c) => {
    const [lb, target] = [await balancer(c), { type: "label_selector", label_selector: { selector: "a" } }];
    await c.make(`/load_balancers/${lb}/actions/add_target`, target);
    return c.post(`/load_balancers/${lb}/actions/add_target`, target);
  }],
  ["a load balancer has one network", "422 load_balancer_already_attached", async (c) => {
    const [lb, net] = [await balancer(c), await c.network()];
    await c.make(`/load_balancers/${lb}/actions/attach_to_network`, NIC(net));
    return c.post(`/load_balancers/${lb}/actions/attach_to_network`, NIC(net));
  }],
  ["public targets keep the public interface", "422 targets_without_use_private_ip", async (c) => {
    const lb = await balancer(c);
    await c.make(`/load_balancers/${lb}/actions/attach_to_network`, NIC(await c.network()));
    await c.make(`/load_balancers/${lb}/actions/add_target`, { type: "label_selector", label_selector: { selector: "a" } });
    return c.post(`/load_balancers/${lb}/actions/disable_public_interface`);
  }],
  ["record sets are unique", "409 uniqueness_error", async (c) => {
    await c.make("/zones", { name: "example.org", mode: "primary" });
    await c.make("/zones/example.org/rrsets", aRecord("www", "192.0.2.1"));
    return c.post("/zones/example.org/rrsets", aRecord("www", "192.0.2.2"));
  }],
  ["A records hold IPv4 addresses", "422 invalid_input", async (c) => {
    await c.make("/zones", { name: "example.org", mode: "primary" });
    return c.post("/zones/example.org/rrsets", aRecord("www", "example.net."));
  }],
  ["TTLs are 60 seconds at least", "422 invalid_input", (c) => c.post("/zones", { name: "example.org", mode: "primary", ttl: 59 })],
  ["protected record sets do not change", "423 protected", async (c) => {
    await c.make("/zones", { name: "example.org", mode: "primary" });
    await c.make("/zones/example.org/rrsets", aRecord("www", "192.0.2.1"));
    await c.make("/zones/example.org/rrsets/www/A/actions/change_protection", { change: true });
    return c.post("/zones/example.org/rrsets/www/A/actions/set_records", { records: [{ value: "192.0.2.2" }] });
  }],
  ["tokens have 64 characters", "401 unauthorized", (c) => c.call("GET", "/servers", undefined, "short")],
  ["bodies are JSON", "400 json_error", (c) => c.post("/networks", "{")],
  ["selectors follow the grammar", "422 invalid_input", (c) => c.get("/servers?label_selector=a%20like%20b")],
  ["pages have 50 entries at most", "422 invalid_input", (c) => c.get("/servers?per_page=51")],
  ["what is not answered says so", "404 not_found", (c) => c.get("/floating_ips")],
];

describe.each([["networks", NETWORKS], ["volumes", VOLUMES], ["servers", SERVERS], ["primary IPs", PRIMARY_IPS], ["the rest", OTHERS]])("%s", (_, cases) => {
  let client: Client;
  beforeEach(async () => { client = await startClient(); });
  afterEach(() => client.local.close());

  test.each(cases)("%s: %s", async (_rule, expected, request) => {
    const answer = await request(client);
    expect(`${answer.status} ${answer.code}`).toBe(expected);
    expect(answer.body.error.message).not.toBe("");
  });
});

describe("delete protection", () => {
  const makers: readonly (readonly [string, (c: Client) => Promise<number>, object])[] = [
    ["networks", (c) => c.network(), { delete: true }],
    ["volumes", async (c) => (await c.volume("v")).id, { delete: true }],
    ["primary_ips", async (c) => (await c.make("/primary_ips", { name: "ip", type: "ipv4", location: "fsn1" })).primary_ip.id, { delete: true }],
    ["load_balancers", balancer, { delete: true }],
    ["zones", async (c) => (await c.make("/zones", { name: "example.org", mode: "primary" })).zone.id, { delete: true }],
    ["servers", async (c) => (await c.server("a")).id, { delete: true, rebuild: true }],
  ];

  test.each(makers)("%s: protected answers 423, unprotected goes", async (path, make, protection) => {
    const client = await startClient();
    const id = await make(client);
    await client.make(`/${path}/${id}/actions/change_protection`, protection);
    expect(await client.call("DELETE", `/${path}/${id}`)).toMatchObject({ status: 423, code: "protected" });
    await client.make(`/${path}/${id}/actions/change_protection`, { delete: false, rebuild: false });
    expect((await client.call("DELETE", `/${path}/${id}`)).status).toBeLessThan(300);
    await client.local.settle();
    expect(await client.get(`/${path}/${id}`)).toMatchObject({ status: 404, code: "not_found" });
    await client.local.close();
  });
});

test("a network takes 100 attachments", async () => {
  const client = await startClient();
  const net = await client.network();
  for (let n = 0; n < 100; n++) await client.server(`a${n}`, { networks: [net] });
  expect(await client.post("/servers", serverBody("one-more", { networks: [net] }))).toMatchObject({ status: 403, code: "resource_limit_exceeded" });
  await client.local.close();
});

function subnet(ipRange: string): object {
  return { type: "cloud", ip_range: ipRange, network_zone: "eu-central" };
}

function aRecord(name: string, value: string): object {
  return { name, type: "A", ttl: 60, records: [{ value }] };
}

async function attach(client: Client, ip: string, more: object = {}): Promise<Answer> {
  const net = await client.network();
  return client.post(`/servers/${(await client.server("a", more)).id}/actions/attach_to_network`, NIC(net, ip));
}

async function attached(client: Client): Promise<{ server: number; volume: number }> {
  const [server, volume] = [await client.server("a"), await client.volume("v")];
  await client.make(`/volumes/${volume.id}/actions/attach`, { server: server.id });
  return { server: server.id, volume: volume.id };
}

async function withPrimaryIp(client: Client): Promise<{ server: number; ip: number }> {
  const { primary_ip: ip } = await client.make("/primary_ips", { name: "ip", type: "ipv4", location: "fsn1" });
  const server = await client.server("a", { public_net: { enable_ipv4: true, ipv4: ip.id, enable_ipv6: false } });
  return { server: server.id, ip: ip.id };
}

async function balancer(client: Client): Promise<number> {
  return (await client.make("/load_balancers", { name: "lb", load_balancer_type: "lb11", location: "fsn1" })).load_balancer.id;
}
