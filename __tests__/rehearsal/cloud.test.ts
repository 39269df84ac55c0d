import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noneDriver } from "hetzner-local";

import { LocalCloud, localToken, startLocalCloud } from "../../rehearsal/cloud";

const directory = mkdtempSync(join(tmpdir(), "triplicate-cloud-"));

afterAll(() => rmSync(directory, { recursive: true, force: true }));

beforeEach(() => jest.resetModules());

/** Stands for `lab/vm`; notes what is asked of it. */
function fakeLab(): { readonly calls: string[]; exposes: (port: number) => Promise<void> } {
  const calls: string[] = [];
  const lab = { calls, exposes: (port: number) => Promise.resolve(void calls.push(`expose ${port}`)) };
  const driver = {
    ...noneDriver,
    describes: "booted",
    create: ({ name, publicIpv4 }: { name: string; publicIpv4?: string }) => Promise.resolve(void calls.push(`create ${name} ${publicIpv4}`)),
    close: () => Promise.resolve(void calls.push("close driver")),
    mayDetach: () => Promise.resolve(false),
  };
  const startVmLab = (options: { directory: string }) => {
    calls.push(`start ${options.directory}`);
    return Promise.resolve({
      driver, enter: ["nsenter", "--net=x"], expose: (port: number) => lab.exposes(port), close: () => Promise.resolve(void calls.push("close lab")),
    });
  };
  jest.doMock("../../lab/vm/driver", () => ({ startVmLab }), { virtual: true });
  return lab;
}

async function request(cloud: LocalCloud, path: string, body: object): Promise<void> {
  const headers = { authorization: `Bearer ${localToken("dev")}`, "content-type": "application/json" };
  const { status } = await fetch(cloud.api.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  expect(status).toBe(201);
  await cloud.api.settle();
}

describe("a cloud whose machines boot", () => {
  test("has addresses of the lab's range and an API that the lab's network sees, and ends with the lab", async () => {
    const { calls } = fakeLab();
    const cloud = await startLocalCloud(directory, ["dev"], "vm");
    expect(cloud).toMatchObject({ describes: "booted", enter: ["nsenter", "--net=x"] });
    expect(cloud.environment.HCLOUD_ENDPOINT).toBe(cloud.api.url);
    const { port, hostname } = new URL(cloud.api.origin);
    expect(hostname).toBe("127.0.0.1");
    await request(cloud, "/servers", { name: "a", server_type: "cx23", image: "debian-13", location: "fsn1" });
    await expect(cloud.simulate("a", { state: "ill" })).rejects.toThrow("only simulated machines");
    await cloud.close();
    expect(calls).toEqual([`start ${join(directory, "machines")}`, `expose ${port}`, "create a 198.18.0.16", "close driver"]);
  });

  test("leaves no lab behind when it can't start", async () => {
    const lab = fakeLab();
    lab.exposes = () => Promise.reject(new Error("no such port"));
    await expect(startLocalCloud(directory, ["dev"], "vm")).rejects.toThrow("no such port");
    expect(lab.calls.slice(1)).toEqual(["close driver"]);
  });
});

test("a cloud of records needs no network to be entered", async () => {
  const cloud = await startLocalCloud(directory, ["dev"], "none");
  expect([cloud.enter, cloud.lab]).toEqual([[], undefined]);
  await cloud.close();
});
