import { setTimeout as sleep } from "node:timers/promises";
import type { ServerSnapshot } from "hetzner-local";

import { MachineWatch } from "../../rehearsal/machine-watch";
import type { BootedMachines } from "../../rehearsal/machines";

const SERVER: ServerSnapshot = {
  id: 1, name: "dev-fsn1-k8s-1", created: new Date(Date.now() - 42_000).toISOString(), status: "running", location: "fsn1", serverType: "cx23",
  labels: {}, publicIpv4: "198.18.0.16", privateIps: [], volumes: [], placementGroup: null,
};

interface Fake {
  readonly watch: MachineWatch;
  readonly lines: string[];
  /** May be changed while machines are watched. */
  readonly servers: ServerSnapshot[];
}

/** Machines that come up at once, but for what is said otherwise. */
function fake(machines: Partial<BootedMachines> = {}, servers: ServerSnapshot[] = [SERVER]): Fake {
  const lines: string[] = [];
  const good = {
    waitForBoot: () => Promise.resolve(),
    ready: () => Promise.resolve({ status: "done", isDegraded: false }),
    report: () => Promise.resolve({ cloudInit: "status: error", failedUnits: "k3s.service\n", journal: "", console: "x\n".repeat(100) + "the end\n" }),
  };
  const props = { machines: { ...good, ...machines }, servers: () => servers, print: (line: string) => lines.push(line), intervalMs: 5, reportMs: 30 };
  return { watch: new MachineWatch(props), lines, servers };
}

const never = (): Promise<never> => new Promise(() => undefined);

describe("machines that come up", () => {
  test("are shown whenever they have come further, with the seconds since their creation", async () => {
    const { watch, lines } = fake();
    expect(await watch.during(sleep(40, "the work's result"))).toBe("the work's result");
    expect(lines.map((line) => line.replace(/ +/g, " ").replace(" 42 s", ""))).toEqual([
      "… dev-fsn1-k8s-1 booting", "… dev-fsn1-k8s-1 booted, cloud-init is at work", "… dev-fsn1-k8s-1 cloud-init done",
    ]);
    expect(watch.table()).toEqual([["machine", "state", "seconds since creation"], [SERVER.name, "cloud-init done", expect.stringMatching(/^4\d$/)]]);
    expect(await watch.reports()).toEqual([]);
  });

  test("report if they are not done, with the end of their console", async () => {
    const { watch } = fake({ ready: () => Promise.reject(new Error("is not what its user_data says\n\nand much more")) });
    await watch.during(sleep(20));
    expect(watch.table()[1][1]).toBe("failed: is not what its user_data says");
    const [report] = await watch.reports();
    expect(report).toMatch(/^── dev-fsn1-k8s-1: failed: is not what .*\nstatus: error\n\nk3s\.service\n\nx\n/);
    expect(report.match(/^x$/gm)).toHaveLength(39);
  });

  test("that never answer keep neither the work nor the reports from ending", async () => {
    const { watch } = fake({ waitForBoot: never, report: never });
    await watch.during(sleep(20));
    expect(await watch.reports()).toEqual([`── ${SERVER.name}: booting\nno report within 0.03 s`]);
  });

  test("are followed once they are made, and again when they are replaced", async () => {
    const { watch, servers } = fake({}, [{ ...SERVER, status: "starting" }]);
    await watch.during(sleep(20));
    expect(watch.table()).toHaveLength(1);
    servers[0] = SERVER;
    await watch.during(sleep(20));
    servers[0] = { ...SERVER, id: 2 };
    await watch.during(sleep(20));
    expect(watch.table()).toHaveLength(3);
  });

  test("are looked for when the work fails, and not shown as failed when they are ended on purpose", async () => {
    let end = (): void => undefined;
    const { watch, lines } = fake({ waitForBoot: () => new Promise((_, fail) => (end = () => fail(new Error("is off")))) });
    await expect(watch.during(Promise.reject(new Error("apply failed")))).rejects.toThrow("apply failed");
    watch.end();
    end();
    await sleep(5);
    expect([lines.length, watch.table()[1][1]]).toEqual([1, "booting"]);
  });
});
