/** What happens, as opposed to what is refused: actions, locks, drivers, addresses, state, controls. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noneDriver, startHetznerLocal, type ServerDriver } from "../src/index";
import { Client, serverBody, startClient, TOKEN } from "./support";

const open: Client[] = [];

async function start(options: Parameters<typeof startClient>[0] = {}): Promise<Client> {
  const client = await startClient(options);
  open.push(client);
  return client;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.local.close()));
});

/** Notes every call, with what the driver was told. */
function recordingDriver(fail?: keyof ServerDriver): { driver: ServerDriver; calls: string[] } {
  const calls: string[] = [];
  const note = (name: keyof ServerDriver) => (server: { name: string }, extra?: { name?: string; address?: string }): Promise<void> => {
    calls.push([name, server.name, extra?.name ?? extra?.address].filter(Boolean).join(" "));
    return name === fail ? Promise.reject(new Error(`${name} went wrong`)) : Promise.resolve();
  };
  const names = ["create", "delete", "powerOn", "powerOff", "shutdown", "reboot", "attachVolume", "detachVolume", "attachNic", "detachNic"] as const;
  return { calls, driver: { ...noneDriver, ...Object.fromEntries(names.map((name) => [name, note(name)])) } };
}

describe("actions", () => {
  test("run first, succeed after the delay, and are found by id", async () => {
    const client = await start({ actionDelayMs: 100 });
    const { body } = await client.post("/servers", serverBody("a"));
    expect(body.action).toMatchObject({ status: "running", progress: 0, command: "create_server", finished: null, error: null });
    expect(body.server).toMatchObject({ status: "initializing", locked: true });
    expect(body.next_actions.map((action: { command: string }) => action.command)).toEqual(["start_server"]);
    await client.local.settle();
    const listed = await client.get(`/actions?id=${body.action.id}&id=${body.next_actions[0].id}`);
    expect(listed.body.actions.map((action: { status: string; progress: number }) => [action.status, action.progress])).toEqual([["success", 100], ["success", 100]]);
    expect((await client.get(`/servers/${body.server.id}`)).body.server).toMatchObject({ status: "running", locked: false });
    expect((await client.get(`/servers/${body.server.id}/actions/${body.action.id}`)).body.action.id).toBe(body.action.id);
  });

  test("lock servers and volumes with 423, networks with 409", async () => {
    const client = await start({ actionDelayMs: 100 });
    const [server, volume, net] = [await client.server("a"), await client.volume("v"), await client.network()];
    await client.post(`/volumes/${volume.id}/actions/attach`, { server: server.id });
    expect(await client.post(`/servers/${server.id}/actions/reboot`)).toMatchObject({ status: 423, code: "locked" });
    expect(await client.call("DELETE", `/servers/${server.id}`)).toMatchObject({ status: 423, code: "locked" });
    expect(await client.post(`/volumes/${volume.id}/actions/resize`, { size: 20 })).toMatchObject({ status: 423, code: "locked" });
    await client.post(`/networks/${net}/actions/change_protection`, { delete: true });
    expect(await client.post(`/networks/${net}/actions/change_protection`, { delete: false })).toMatchObject({ status: 409, code: "conflict" });
    expect((await client.call("PUT", `/servers/${server.id}`, { labels: { a: "b" } })).status).toBe(200);
  });

  test("fail with the driver's message, and take back what they recorded", async () => {
    const { driver } = recordingDriver("attachNic");
    const client = await start({ driver });
    const [server, net] = [await client.server("a"), await client.network()];
    const { action } = await client.make(`/servers/${server.id}/actions/attach_to_network`, { network: net, ip: "10.0.1.9" });
    expect((await client.get(`/actions/${action.id}`)).body.action).toMatchObject({ status: "error", error: { code: "action_failed", message: "attachNic went wrong" } });
    expect((await client.get(`/servers/${server.id}`)).body.server.private_net).toEqual([]);
  });

  test("a machine that can't be made leaves its server off", async () => {
    const { driver, calls } = recordingDriver("create");
    const client = await start({ driver });
    const server = await client.server("a");
    expect((await client.get(`/servers/${server.id}`)).body.server.status).toBe("off");
    await client.call("DELETE", `/servers/${server.id}`);
    await client.local.settle();
    expect(calls).toEqual(["create a", "delete a"]);
  });
});

describe("drivers", () => {
  test("see a server's life in order", async () => {
    const { driver, calls } = recordingDriver();
    const client = await start({ driver });
    const [server, volume, net] = [await client.server("a"), await client.volume("v"), await client.network()];
    const act = (name: string, body: object = {}): Promise<unknown> => client.make(`/servers/${server.id}/actions/${name}`, body);
    await act("attach_to_network", { network: net, ip: "10.0.1.9" });
    await client.make(`/volumes/${volume.id}/actions/attach`, { server: server.id });
    await act("reboot");
    await act("shutdown");
    await client.make(`/volumes/${volume.id}/actions/detach`);
    await act("change_type", { server_type: "cx33", upgrade_disk: false });
    await act("poweroff");
    await act("detach_from_network", { network: net });
    await client.call("DELETE", `/servers/${server.id}`);
    await client.local.settle();
    expect(calls).toEqual([
      "create a", "attachNic a 10.0.1.9", "attachVolume a v", "reboot a", "shutdown a", "detachVolume a v", "powerOn a", "powerOff a", "detachNic a 10.0.1.9", "delete a",
    ]);
  });

  test("a server without public address is made only when it is switched on, with its interface", async () => {
    const { driver, calls } = recordingDriver();
    const client = await start({ driver });
    const server = await client.server("a", { start_after_create: false, public_net: { enable_ipv4: false, enable_ipv6: false } });
    await client.make(`/servers/${server.id}/actions/attach_to_network`, { network: await client.network() });
    expect(calls).toEqual([]);
    await client.make(`/servers/${server.id}/actions/poweron`);
    expect(calls).toEqual(["create a"]);
    const seen = (await client.get(`/servers/${server.id}`)).body.server;
    expect(seen).toMatchObject({ status: "running", public_net: { ipv4: null, ipv6: null }, private_net: [{ ip: "10.0.1.1" }] });
  });

  test("a machine that ignores its shutdown stays running, the action succeeds", async () => {
    const client = await start({ driver: recordingDriver("shutdown").driver });
    const server = await client.server("a");
    const { action } = await client.make(`/servers/${server.id}/actions/shutdown`);
    expect((await client.get(`/actions/${action.id}`)).body.action.status).toBe("success");
    expect((await client.get(`/servers/${server.id}`)).body.server.status).toBe("running");
  });

  test("mayDetach decides about volumes of running servers", async () => {
    const asked: string[] = [];
    const client = await start({ mayDetach: (server, volume) => Promise.resolve(asked.push(`${server.name} ${volume.name}`) > 1) });
    const [server, volume] = [await client.server("a"), await client.volume("v")];
    await client.make(`/volumes/${volume.id}/actions/attach`, { server: server.id });
    expect(await client.post(`/volumes/${volume.id}/actions/detach`)).toMatchObject({ status: 423, code: "protected" });
    await client.make(`/volumes/${volume.id}/actions/detach`);
    expect(asked).toEqual(["a v", "a v"]);
  });

  test("without strict rules it behaves like Hetzner", async () => {
    const client = await start({ strictVolumes: false, strictNetworks: false });
    const [server, volume, net] = [await client.server("a"), await client.volume("v"), await client.network()];
    await client.make(`/volumes/${volume.id}/actions/attach`, { server: server.id });
    await client.make(`/servers/${server.id}/actions/attach_to_network`, { network: net });
    expect((await client.call("DELETE", `/networks/${net}`)).status).toBe(204);
    expect((await client.get(`/servers/${server.id}`)).body.server.private_net).toEqual([]);
    expect((await client.call("DELETE", `/servers/${server.id}`)).status).toBe(200);
    await client.local.settle();
    expect((await client.get(`/volumes/${volume.id}`)).body.volume.server).toBeNull();
  });
});

describe("addresses", () => {
  test("are loopback addresses of the instance's own range, never given twice", async () => {
    const [one, two] = [await start(), await start()];
    expect(one.local.publicRange).not.toBe(two.local.publicRange);
    const prefix = one.local.publicRange.replace(/0\.0\/16$/, "");
    const seen = new Set<string>();
    for (let n = 0; n < 3; n++) {
      const server = await one.server("a");
      seen.add(server.public_net.ipv4.ip);
      await one.call("DELETE", `/servers/${server.id}`);
      await one.local.settle();
    }
    expect([...seen]).toEqual([`${prefix}1.1`, `${prefix}1.2`, `${prefix}1.3`]);
    expect((await one.get("/primary_ips")).body.primary_ips).toEqual([]);
  });

  test("a primary IP without auto_delete outlives its server", async () => {
    const client = await start();
    const { primary_ip: ip } = await client.make("/primary_ips", { name: "ip", type: "ipv4", location: "fsn1" });
    const server = await client.server("a", { public_net: { enable_ipv4: true, ipv4: ip.id, enable_ipv6: false } });
    expect(server.public_net.ipv4).toMatchObject({ id: ip.id, ip: ip.ip });
    await client.call("DELETE", `/servers/${server.id}`);
    await client.local.settle();
    expect((await client.get(`/primary_ips/${ip.id}`)).body.primary_ip.assignee_id).toBeNull();
  });
});

describe("lists", () => {
  test("have pages with correct meta data", async () => {
    const client = await start();
    for (let n = 0; n < 5; n++) await client.volume(`v${n}`);
    const { volumes, meta } = (await client.get("/volumes?page=2&per_page=2&sort=name:desc")).body;
    expect(volumes.map((volume: { name: string }) => volume.name)).toEqual(["v2", "v1"]);
    expect(meta.pagination).toEqual({ page: 2, per_page: 2, previous_page: 1, next_page: 3, last_page: 3, total_entries: 5 });
    expect((await client.get("/volumes?name=v3")).body.meta.pagination).toMatchObject({ total_entries: 1, next_page: null, per_page: 25 });
  });

  test.each([
    ["env", ["a", "b", "c"]], ["!env", ["d"]], ["env=x", ["a"]], ["env==x", ["a"]], ["env!=x", ["b", "c", "d"]], ["env in (x,y)", ["a", "b"]],
    ["env notin (x, y)", ["c", "d"]], ["env,tier=1", ["c"]], ["env in (x,y),env!=y", ["a"]], ["tier=", []], ["example.org/k=v", ["d"]], ["", ["a", "b", "c", "d"]],
  ])("selector '%s'", async (selector, expected) => {
    const client = await start();
    const labels = { a: { env: "x" }, b: { env: "y" }, c: { env: "z", tier: "1" }, d: { "example.org/k": "v" } };
    for (const [name, value] of Object.entries(labels)) await client.volume(name, { labels: value });
    const { volumes } = (await client.get(`/volumes?label_selector=${encodeURIComponent(selector)}`)).body;
    expect(volumes.map((volume: { name: string }) => volume.name)).toEqual(expected);
  });

  test("the catalog tells what is sold where, and what was", async () => {
    const client = await start();
    const [cx23, cx22] = await Promise.all(["cx23", "cx22"].map(async (name) => (await client.get(`/server_types?name=${name}`)).body.server_types[0]));
    expect(cx23).toMatchObject({ cores: 2, memory: 4, disk: 40, architecture: "x86", cpu_type: "shared", deprecated: false });
    expect(cx23.locations.map((item: { name: string; available: boolean }) => [item.name, item.available])).toEqual([["fsn1", true], ["nbg1", true], ["hel1", true]]);
    expect(cx22.deprecated).toBe(true);
    expect((await client.get("/images?name=debian-13&architecture=arm")).body.images).toHaveLength(1);
    expect((await client.get("/locations?name=hel1")).body.locations[0].network_zone).toBe("eu-central");
  });
});

describe("projects", () => {
  test("do not see each other, and unknown tokens get one of their own", async () => {
    const client = await start();
    const net = await client.network();
    const other = new Client(client.local, "o".repeat(64));
    expect((await other.get("/networks")).body.networks).toEqual([]);
    expect(await other.get(`/networks/${net}`)).toMatchObject({ status: 404 });
    const names = client.local.projects();
    expect(names).toEqual(["test", expect.stringMatching(/^project-[0-9a-f]{8}$/)]);
  });
});

describe("state file", () => {
  test("survives a restart: same records and addresses, machines made again", async () => {
    const directory = mkdtempSync(join(tmpdir(), "hetzner-local-"));
    const stateFile = join(directory, "state.json");
    try {
      const first = await start({ stateFile });
      const [server, volume, off] = [await first.server("a"), await first.volume("v"), await first.server("b")];
      await first.make(`/volumes/${volume.id}/actions/attach`, { server: server.id });
      await first.make(`/servers/${off.id}/actions/poweroff`);
      const before = first.local.snapshot("test");
      await first.local.close();
      expect(readFileSync(stateFile, "utf8")).not.toContain(TOKEN);

      const { driver, calls } = recordingDriver();
      const second = await start({ stateFile, driver });
      await second.local.settle();
      expect(second.local.snapshot("test")).toEqual(before);
      expect(calls).toEqual(["create a"]);
      expect((await second.server("c")).id).toBeGreaterThan(off.id);
      expect(existsSync(`${stateFile}.new`)).toBe(false);
      await expect(startHetznerLocal({ stateFile })).rejects.toThrow(/no loopback range is free: 127\.\d+\.0\.0\/16, which the state file needs/);
      await second.local.close();

      const third = recordingDriver();
      await (await start({ stateFile, driver: third.driver, restart: false })).local.close();
      expect(third.calls).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe("controls", () => {
  test("a location without room refuses new servers only", async () => {
    const client = await start();
    const server = await client.server("a");
    expect((await client.call("PUT", "/_control/locations/fsn1", { available: false })).status).toBe(204);
    expect(await client.post("/servers", serverBody("b"))).toMatchObject({ status: 412, code: "resource_unavailable" });
    expect((await client.get("/server_types?name=cx23")).body.server_types[0].locations[0]).toMatchObject({ name: "fsn1", available: false });
    await client.make(`/servers/${server.id}/actions/reboot`);
    client.local.setLocationAvailable("fsn1", true);
    await client.call("PUT", "/_control/server_types/cx23/fsn1", { available: false });
    expect(await client.post("/servers", serverBody("b"))).toMatchObject({ code: "resource_unavailable" });
    await client.server("b", { server_type: "cx33" });
  });

  test("faults hit as often as asked, and nothing else", async () => {
    const client = await start();
    await client.call("PUT", "/_control/faults", { method: "GET", pathPattern: "^/v1/servers$", status: 429, code: "rate_limit_exceeded", times: 2 });
    expect((await client.get("/volumes")).status).toBe(200);
    const answers = [await client.get("/servers"), await client.get("/servers"), await client.get("/servers")];
    expect(answers.map((answer) => [answer.status, answer.code])).toEqual([[429, "rate_limit_exceeded"], [429, "rate_limit_exceeded"], [200, undefined]]);
  });

  test("the log has mutating requests in order, without user_data, with their outcome", async () => {
    const client = await start();
    await client.server("a", { user_data: "secret" });
    await client.get("/servers");
    await client.post("/servers", serverBody("a"));
    const { requests } = (await client.get("/_control/requests")).body;
    expect(requests.map((item: { method: string; path: string; status: number; project: string }) => [item.method, item.path, item.status, item.project])).toEqual([
      ["POST", "/v1/servers", 201, "test"], ["POST", "/v1/servers", 409, "test"],
    ]);
    expect(JSON.stringify(requests)).not.toContain("secret");
    expect((await client.call("DELETE", "/_control/requests")).status).toBe(204);
    expect(client.local.requests()).toEqual([]);
  });

  test("behaviours reach the driver", async () => {
    const seen: unknown[] = [];
    const driver: ServerDriver = { ...noneDriver, control: (name, behaviour) => Promise.resolve(void seen.push([name, behaviour])) };
    const client = await start({ driver });
    expect((await client.call("PUT", "/_control/projects/test/servers/a", { boots: false })).status).toBe(204);
    expect((await client.call("PUT", "/_control/projects/nobody/servers/a", {})).status).toBe(404);
    expect(seen).toEqual([["a", { boots: false }]]);
  });
});
