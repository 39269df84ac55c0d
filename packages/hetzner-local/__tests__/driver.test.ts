/** What a driver whose machines have firewalls, disks and a network of their own is told, and when. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { publicAddress } from "../src/addresses";
import { noneDriver, startHetznerLocal, type DriverFirewallRule, type DriverServer, type ServerDriver } from "../src/index";
import { startClient, type Client } from "./support";

const open: Client[] = [];

async function start(options: Parameters<typeof startClient>[0] = {}): Promise<Client> {
  const client = await startClient(options);
  open.push(client);
  return client;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.local.close()));
});

const SSH = { direction: "in", protocol: "tcp", port: "22", source_ips: ["203.0.113.0/24"] };
const WEB = { direction: "in", protocol: "tcp", port: "80-443", source_ips: ["0.0.0.0/0", "::/0"] };
const ssh: DriverFirewallRule = { protocol: "tcp", port: "22", sources: ["203.0.113.0/24"] };
const web: DriverFirewallRule = { protocol: "tcp", port: "80-443", sources: ["0.0.0.0/0", "::/0"] };

interface Recorded {
  readonly driver: ServerDriver;
  /** In order: what was called, on what, with what. */
  readonly calls: unknown[][];
  readonly created: DriverServer[];
  /** The names of the methods that reject. */
  readonly failing: Set<string>;
}

function recordingDriver(): Recorded {
  const [calls, created, failing] = [[] as unknown[][], [] as DriverServer[], new Set<string>()];
  const note = async (name: string, ...what: unknown[]): Promise<void> => {
    calls.push([name, ...what]);
    if (failing.has(name)) throw new Error(`${name} went wrong`);
  };
  const driver: ServerDriver = {
    ...noneDriver,
    create: (server) => note("create", server.name).then(() => void created.push(server)),
    delete: (server) => note("delete", server.name),
    updateFirewalls: (server, rules) => note("updateFirewalls", server.name, rules),
    resizeVolume: (server, volume) => note("resizeVolume", server?.name, volume.name, volume.sizeGb),
    deleteVolume: (volume) => note("deleteVolume", volume.name),
  };
  return { driver, calls, created, failing };
}

async function firewall(client: Client, name: string, rules: readonly object[], more: object = {}): Promise<number> {
  return (await client.make("/firewalls", { name, rules, ...more })).firewall.id;
}

function selecting(selector: string): object {
  return { type: "label_selector", label_selector: { selector } };
}

const EVERY_SERVER = selecting("!never");

async function put(client: Client, path: string, body: object): Promise<void> {
  expect((await client.call("PUT", path, body)).status).toBe(200);
  await client.local.settle();
}

async function actionOf(client: Client, id: number): Promise<unknown> {
  return (await client.get(`/actions/${id}`)).body.action;
}

describe("firewalls", () => {
  test("take a machine up after its creation, all together", async () => {
    const { driver, calls } = recordingDriver();
    const client = await start({ driver });
    const direct = await firewall(client, "direct", [SSH, { direction: "out", protocol: "tcp", port: "25", destination_ips: ["0.0.0.0/0"] }]);
    const more = [SSH, WEB, { direction: "in", protocol: "icmp", source_ips: ["0.0.0.0/0"] }, { direction: "in", protocol: "gre", source_ips: ["10.0.0.0/8"] }];
    await firewall(client, "by-label", more, { apply_to: [selecting("role=web")] });
    await client.server("a", { labels: { role: "web" }, firewalls: [{ firewall: direct }] });
    expect(calls).toEqual([["create", "a"], ["updateFirewalls", "a", [ssh, web, { protocol: "icmp", sources: ["0.0.0.0/0"] }]]]);
  });

  test("a machine without any is told nothing; one without inbound rules that nothing passes", async () => {
    const { driver, calls } = recordingDriver();
    const client = await start({ driver });
    await client.server("open");
    await firewall(client, "closed", [], { apply_to: [selecting("role=web")] });
    await client.server("shut", { labels: { role: "web" } });
    expect(calls).toEqual([["create", "open"], ["create", "shut"], ["updateFirewalls", "shut", []]]);
  });

  test("port `any` is a range like others", async () => {
    const { driver, calls } = recordingDriver();
    const client = await start({ driver });
    await firewall(client, "udp", [{ direction: "in", protocol: "udp", port: "any", source_ips: ["10.0.0.0/8"] }], { apply_to: [EVERY_SERVER] });
    await client.server("a");
    expect(calls.at(-1)).toEqual(["updateFirewalls", "a", [{ protocol: "udp", port: "1-65535", sources: ["10.0.0.0/8"] }]]);
  });

  test("changes of rules, scopes and labels are told, and only where they make a difference", async () => {
    const { driver, calls } = recordingDriver();
    const client = await start({ driver });
    const [a, b] = [await client.server("a", { labels: { role: "web" } }), await client.server("b")];
    const told = async (work: Promise<unknown>): Promise<unknown> => {
      calls.length = 0;
      await work;
      return calls;
    };
    const one = await firewall(client, "one", [SSH]);
    const act = (name: string, body: object): Promise<unknown> => client.make(`/firewalls/${one}/actions/${name}`, body);
    expect(await told(act("apply_to_resources", { apply_to: [selecting("role=web")] }))).toEqual([["updateFirewalls", "a", [ssh]]]);
    expect(await told(firewall(client, "same", [SSH], { apply_to: [selecting("role=web")] }))).toEqual([]);
    expect(await told(act("set_rules", { rules: [WEB] }))).toEqual([["updateFirewalls", "a", [web, ssh]]]);
    expect(await told(put(client, `/servers/${b.id}`, { labels: { role: "web" } }))).toEqual([["updateFirewalls", "b", [web, ssh]]]);
    expect(await told(put(client, `/servers/${b.id}`, { labels: { role: "web", more: "labels" } }))).toEqual([]);
    expect(await told(put(client, `/servers/${a.id}`, { labels: {} }))).toEqual([["updateFirewalls", "a", undefined]]);
    expect(await told(act("remove_from_resources", { remove_from: [selecting("role=web")] }))).toEqual([["updateFirewalls", "b", [ssh]]]);
    expect(await told(act("apply_to_resources", { apply_to: [{ type: "server", server: { id: a.id } }] }))).toEqual([["updateFirewalls", "a", [web]]]);
    const followed = (await client.get(`/servers/${a.id}/actions`)).body.actions.map((action: { command: string }) => action.command);
    expect(followed).toEqual(["create_server", "start_server", "remove_firewall"]);
  });

  test("machines that are not made are not told before they are", async () => {
    const { driver, calls } = recordingDriver();
    const client = await start({ driver });
    const server = await client.server("a", { start_after_create: false });
    await firewall(client, "all", [SSH], { apply_to: [EVERY_SERVER] });
    expect(calls).toEqual([]);
    await client.make(`/servers/${server.id}/actions/poweron`);
    expect(calls).toEqual([["create", "a"], ["updateFirewalls", "a", [ssh]]]);
  });

  test("a machine is told one thing after another", async () => {
    const { driver } = recordingDriver();
    let [inside, most] = [0, 0];
    const ports: unknown[] = [];
    const client = await start({
      driver: {
        ...driver,
        updateFirewalls: async (_server, rules) => {
          most = Math.max(most, ++inside);
          await sleep(20);
          ports.push(rules?.map(({ port }) => port));
          inside--;
        },
      },
    });
    const ids = [await firewall(client, "one", [SSH]), await firewall(client, "two", [WEB])];
    await client.server("a");
    await Promise.all(ids.map((id) => client.post(`/firewalls/${id}/actions/apply_to_resources`, { apply_to: [EVERY_SERVER] })));
    await client.local.settle();
    expect([most, ports.at(-1)]).toEqual([1, ["22", "80-443"]]);
  });

  test("a restart tells the machines that are made again", async () => {
    const directory = mkdtempSync(join(tmpdir(), "hetzner-local-"));
    const stateFile = join(directory, "state.json");
    try {
      const first = await start({ stateFile });
      await firewall(first, "all", [SSH], { apply_to: [EVERY_SERVER] });
      await first.server("a");
      await first.local.close();
      const { driver, calls } = recordingDriver();
      const second = await start({ stateFile, driver });
      await second.local.settle();
      await second.local.close();
      expect(calls).toEqual([["create", "a"], ["updateFirewalls", "a", [ssh]]]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe("a driver that can't follow", () => {
  test("makes the creation fail, of a server that runs", async () => {
    const { driver, failing } = recordingDriver();
    const client = await start({ driver });
    await firewall(client, "all", [SSH], { apply_to: [EVERY_SERVER] });
    failing.add("updateFirewalls");
    const { body } = await client.post("/servers", { name: "a", server_type: "cx23", image: "debian-13", location: "fsn1" });
    await client.local.settle();
    const error = { code: "action_failed", message: "updateFirewalls went wrong" };
    expect(await actionOf(client, body.next_actions[0].id)).toMatchObject({ status: "error", error });
    expect((await client.get(`/servers/${body.server.id}`)).body.server.status).toBe("running");
  });

  test("has a firewall's change taken back, and told again", async () => {
    const { driver, calls, failing } = recordingDriver();
    const client = await start({ driver });
    const id = await firewall(client, "all", [SSH], { apply_to: [EVERY_SERVER] });
    await client.server("a");
    calls.length = 0;
    failing.add("updateFirewalls");
    const { actions } = await client.make(`/firewalls/${id}/actions/set_rules`, { rules: [WEB] });
    expect(await actionOf(client, actions[0].id)).toMatchObject({ status: "error", error: { code: "action_failed" } });
    expect((await client.get(`/firewalls/${id}`)).body.firewall.rules).toMatchObject([SSH]);
    expect(calls).toEqual([["updateFirewalls", "a", [web]], ["updateFirewalls", "a", [ssh]]]);
  });

  test("has a new firewall apply to nothing", async () => {
    const { driver, failing } = recordingDriver();
    const client = await start({ driver });
    await client.server("a");
    failing.add("updateFirewalls");
    const { firewall: made, actions } = await client.make("/firewalls", { name: "all", rules: [SSH], apply_to: [EVERY_SERVER] });
    expect(await actionOf(client, actions[0].id)).toMatchObject({ status: "error" });
    expect((await client.get(`/firewalls/${made.id}`)).body.firewall.applied_to).toEqual([]);
  });

  test("has the action that follows changed labels fail", async () => {
    const { driver, failing } = recordingDriver();
    const client = await start({ driver });
    await firewall(client, "web", [SSH], { apply_to: [selecting("role=web")] });
    const server = await client.server("a");
    failing.add("updateFirewalls");
    await put(client, `/servers/${server.id}`, { labels: { role: "web" } });
    const { actions } = (await client.get(`/servers/${server.id}/actions`)).body;
    expect(actions.at(-1)).toMatchObject({ command: "apply_firewall", status: "error", error: { message: "updateFirewalls went wrong" } });
  });

  test("leaves a volume's size, and the volume", async () => {
    const { driver, failing } = recordingDriver();
    const client = await start({ driver });
    const volume = await client.volume("v");
    ["resizeVolume", "deleteVolume"].forEach((name) => failing.add(name));
    const { action } = await client.make(`/volumes/${volume.id}/actions/resize`, { size: 20 });
    expect(await actionOf(client, action.id)).toMatchObject({ status: "error", error: { message: "resizeVolume went wrong" } });
    const answer = await client.call("DELETE", `/volumes/${volume.id}`);
    expect(answer).toMatchObject({ code: "service_error", body: { error: { message: "volume 'v' was not deleted: deleteVolume went wrong" } } });
    expect((await client.get(`/volumes/${volume.id}`)).body.volume.size).toBe(10);
  });
});

describe("volumes", () => {
  test("grow under their machine or by themselves, and end", async () => {
    const { driver, calls } = recordingDriver();
    const client = await start({ driver, strictVolumes: false });
    const [server, volume] = [await client.server("a"), await client.volume("v")];
    const act = (name: string, body: object = {}): Promise<unknown> => client.make(`/volumes/${volume.id}/actions/${name}`, body);
    await act("resize", { size: 11 });
    await act("attach", { server: server.id });
    await act("resize", { size: 12 });
    await act("detach");
    expect((await client.get(`/volumes/${volume.id}`)).body.volume.size).toBe(12);
    expect((await client.call("DELETE", `/volumes/${volume.id}`)).status).toBe(204);
    expect(calls).toEqual([["create", "a"], ["resizeVolume", undefined, "v", 11], ["resizeVolume", "a", "v", 12], ["deleteVolume", "v"]]);
  });
});

describe("what a metadata service needs", () => {
  test("is there at creation: public address, interfaces with their network", async () => {
    const { driver, created } = recordingDriver();
    const client = await start({ driver });
    await client.server("a", { networks: [await client.network()], user_data: "#cloud-config\n" });
    const [nic] = created[0].privateNics;
    expect(created[0]).toMatchObject({ userData: "#cloud-config\n", publicIpv4: expect.stringMatching(/^127\.\d+\.1\.1$/) });
    expect(nic).toEqual({
      networkId: expect.any(Number), networkName: "net", networkRange: "10.0.0.0/16", subnetRange: "10.0.1.0/24", gateway: "10.0.0.1",
      address: "10.0.1.1", macAddress: expect.stringMatching(/^86:00(:[0-9a-f]{2}){4}$/),
    });
  });
});

describe("a range of public addresses", () => {
  test("is given out in order from its sixteenth address on, while the API stays on loopback", async () => {
    const client = await start({ publicRange: "198.18.0.0/16" });
    expect(client.local.publicRange).toBe("198.18.0.0/16");
    expect(client.local.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
    const addresses = [await client.server("a"), await client.server("b")].map((server) => server.public_net.ipv4.ip);
    expect(addresses).toEqual(["198.18.0.16", "198.18.0.17"]);
  });

  test("may be the same for two instances, and needs no claim", async () => {
    const both = [await start({ publicRange: "198.18.0.0/16" }), await start({ publicRange: "198.18.0.0/16" })];
    expect(both[0].local.origin).not.toBe(both[1].local.origin);
  });

  test.each([
    ["198.18.0.0/16", 238, "198.18.0.254"],
    ["198.18.0.0/16", 239, "198.18.1.1"],
    ["198.18.0.0/16", 65_008, "198.18.255.254"],
    ["198.18.0.0/16", 65_009, undefined],
    ["198.18.0.64/26", 0, "198.18.0.80"],
    ["198.18.0.64/26", 46, "198.18.0.126"],
    ["198.18.0.64/26", 47, undefined],
  ])("%s: number %d is %s", (cidr, n, expected) => {
    expect(publicAddress({ cidr, skipped: 15 }, n)).toBe(expected);
  });

  test("must be a range", async () => {
    await expect(startHetznerLocal({ publicRange: "198.18.0.1/16" })).rejects.toThrow(/'publicRange' must be an IPv4 CIDR .* got '198\.18\.0\.1\/16'/);
    await expect(startHetznerLocal({ publicRange: "198.18.0.0/28" })).rejects.toThrow(/\/27 or larger/);
  });

  test("is kept with the state, and no other is accepted then", async () => {
    const directory = mkdtempSync(join(tmpdir(), "hetzner-local-"));
    const [stateFile, publicRange] = [join(directory, "state.json"), "198.18.0.0/16"];
    try {
      const first = await start({ stateFile, publicRange });
      await first.server("a");
      await first.local.close();
      const second = await start({ stateFile, publicRange });
      expect((await second.server("b")).public_net.ipv4.ip).toBe("198.18.0.17");
      await second.local.close();
      await expect(startHetznerLocal({ stateFile })).rejects.toThrow(/addresses are from 198\.18\.0\.0\/16, but 'publicRange' asks for a loopback range/);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
