import { isSoldAt, LOCATION_NAMES, LOCATIONS, SERVER_TYPES } from "../../config/catalog";
import { defineEnvironment, defineEnvironments } from "../../config/environment";
import { environments } from "../../config/environments";
import { dev } from "../../config/environments/dev";
import { production } from "../../config/environments/production";
import { staging } from "../../config/environments/staging";
import { ROLE_NAMES } from "../../config/roles";
import { slots } from "../../config/topology";
import { descriptionWith, goodDescription } from "./descriptions";
import type { EnvironmentInput } from "../../config/environment";

function define(changes: Readonly<Record<string, unknown>>) {
  return defineEnvironment(descriptionWith(changes) as unknown as EnvironmentInput);
}

describe("the environments of the app", () => {
  test("are three, in three data centers each", () => {
    expect(environments).toEqual([dev, staging, production]);
    for (const { dataCenters } of environments) {
      expect(dataCenters.map(({ location, number }) => [location, number])).toEqual([["fsn1", 1], ["nbg1", 2], ["hel1", 3]]);
    }
  });

  test("are protected, except dev", () => {
    expect(environments.map((environment) => environment.protected)).toEqual([false, true, true]);
  });

  test("grow from one to the next", () => {
    const machinesOf = environments.map((environment) => slots(environment).filter(({ exists }) => exists).length);
    expect(machinesOf).toEqual([12, 13, 19]);
  });

  test("survive that the first server type of every pool is sold out", () => {
    for (const { pools } of environments) {
      expect(ROLE_NAMES.every((role) => pools[role].serverTypes.length === 0 || pools[role].serverTypes.length > 1)).toBe(true);
    }
  });

  test("keep a backup where no second one is, in all but dev", () => {
    expect(environments.map(({ pools }) => pools.backup.count.hel1)).toEqual([0, 1, 1]);
  });
});

describe("defineEnvironment", () => {
  test("fills in every default", () => {
    expect(define({})).toEqual({
      name: "dev",
      domain: "dev.example.com",
      adminCidrs: ["203.0.113.0/24"],
      protected: true,
      dataCenters: [
        { location: "fsn1", number: 1, state: "active", generation: 1 },
        { location: "nbg1", number: 2, state: "active", generation: 1 },
        { location: "hel1", number: 3, state: "active", generation: 1 },
      ],
      pools: {
        kubernetesServer: pool("kubernetesServer", ["cx23"], [1, 1, 1], [1, 1, 1]),
        kubernetesAgent: pool("kubernetesAgent", ["cx23", "cpx22"], [1, 1, 1], [8, 8, 8]),
        postgres: pool("postgres", ["cx23"], [1, 1, 1], [1, 1, 1], [{ name: "data", sizeGb: 10, mirrored: false }]),
        worker: pool("worker", ["cx23"], [2, 2, 2], [8, 8, 8]),
        backup: pool("backup", ["cx23"], [0, 0, 1], [0, 0, 1], [{ name: "data", sizeGb: 20, mirrored: false }]),
      },
      network: {
        range: "10.0.0.0/16",
        wireGuardRange: "10.1.0.0/16",
        podRange: "10.42.0.0/16",
        serviceRange: "10.43.0.0/16",
        dockerRange: "10.44.0.0/16",
      },
      certificateAuthority: { signing: 1, trusted: [1, 2] },
      diskKey: { generation: 1, accepted: [1] },
      backend: { bucket: "state-dev", endpoint: "https://fsn1.your-objectstorage.com", region: "fsn1", keyPrefix: "dev" },
      image: "debian-13",
      gate: { timeoutSeconds: 900, intervalSeconds: 5 },
    });
  });

  test("keeps what is given", () => {
    const environment = define({
      protected: false,
      dataCenters: { hel1: { generation: 3 }, fsn1: { state: "lost" }, nbg1: {} },
      "pools.worker.count": { fsn1: 1 },
      "pools.worker.capacity": { hel1: 12 },
      "pools.worker.placementGroupSize": 5,
      certificateAuthority: { signing: 2, trusted: [2, 3] },
      "backend.keyPrefix": "team/dev",
      gate: { timeoutSeconds: 1800, intervalSeconds: 10 },
    });
    expect(environment).toMatchObject({
      protected: false,
      dataCenters: [
        { location: "hel1", number: 3, state: "active", generation: 3 },
        { location: "fsn1", number: 1, state: "lost", generation: 1 },
        { location: "nbg1", number: 2, state: "active", generation: 1 },
      ],
      certificateAuthority: { signing: 2, trusted: [2, 3] },
      backend: { keyPrefix: "team/dev" },
      gate: { timeoutSeconds: 1800, intervalSeconds: 10 },
    });
    expect(environment.pools.worker.placementGroupSize).toBe(5);
    expect(environment.pools.worker.count).toMatchObject({ fsn1: 1, nbg1: 0, hel1: 0 });
    expect(environment.pools.worker.capacity).toMatchObject({ fsn1: 8, nbg1: 8, hel1: 12 });
  });

  test("a role that is missing has no slots; one with a count of zero has its capacity", () => {
    const environment = define({ "pools.worker": undefined, "pools.kubernetesAgent.count": 0 });
    expect(environment.pools.worker).toEqual(pool("worker", [], [0, 0, 0], [0, 0, 0]));
    expect(environment.pools.kubernetesAgent.capacity).toMatchObject({ fsn1: 8, nbg1: 8, hel1: 8 });
  });

  test("allows any number of stateful roles but one per data center: no Kubernetes, or no database", () => {
    expect(() => define({ "pools.kubernetesServer": undefined })).not.toThrow();
    expect(() => define({ "pools.postgres": undefined })).not.toThrow();
  });

  test("allows a certificate authority to be rotated in two deploys", () => {
    expect(define({ certificateAuthority: { signing: 2 } }).certificateAuthority).toEqual({ signing: 2, trusted: [1, 2] });
    expect(define({ certificateAuthority: { signing: 2, trusted: [2, 3] } }).certificateAuthority.signing).toBe(2);
  });

  test("allows the disk keys to be rotated in two deploys", () => {
    expect(define({ diskKey: { generation: 2, acceptPrevious: true } }).diskKey).toEqual({ generation: 2, accepted: [1, 2] });
    expect(define({ diskKey: { generation: 2 } }).diskKey).toEqual({ generation: 2, accepted: [2] });
    expect(define({ diskKey: {} }).diskKey).toEqual({ generation: 1, accepted: [1] });
  });

  test("freezes all of it, and keeps none of the input", () => {
    const input = goodDescription();
    const environment = defineEnvironment(input as unknown as EnvironmentInput);
    const before = JSON.stringify(environment);
    (input.adminCidrs as string[]).push("198.51.100.0/24");
    (input.dataCenters as Record<string, unknown>).fsn1 = { state: "lost" };
    expect(JSON.stringify(environment)).toBe(before);
    expect(unfrozen(environment)).toEqual([]);
  });

  test("gives the same result for its own result written as an input", () => {
    const input = JSON.parse(JSON.stringify(goodDescription())) as EnvironmentInput;
    expect(defineEnvironment(input)).toEqual(define({}));
  });
});

describe("defineEnvironments", () => {
  test("takes environments that differ in name and domain", () => {
    expect(defineEnvironments([dev, production])).toEqual([dev, production]);
  });

  test("fails when two have the same name and domain", () => {
    expect(() => defineEnvironments([dev, production, define({})])).toThrow(
      [
        "the set of environments has 2 problems",
        '  environments[2].name: got "dev", allowed: a name that no other environment has; choose another name, or remove the environment',
        '  environments[2].domain: got "dev.example.com", allowed: a domain that no other environment has; choose another domain, or remove the environment',
      ].join("\n"),
    );
  });
});

describe("the catalog", () => {
  test("numbers locations from 1, each once", () => {
    expect(LOCATION_NAMES.map((location) => LOCATIONS[location].number)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("types that are sold nowhere have a date of retirement", () => {
    for (const { soldIn, retired } of Object.values(SERVER_TYPES)) {
      expect(soldIn.length > 0 || retired !== undefined).toBe(true);
      expect(retired ?? "2026-01-01").toMatch(/^20\d\d-\d\d-\d\d$/);
    }
  });

  test("knows what is sold where", () => {
    expect(isSoldAt("cx23", "fsn1")).toBe(true);
    expect(isSoldAt("cx23", "ash")).toBe(false);
    expect(isSoldAt("cx22", "fsn1")).toBe(false);
    expect(isSoldAt("toString", "fsn1")).toBe(false);
  });
});

function pool(role: string, serverTypes: string[], count: number[], capacity: number[], volumes: unknown[] = []) {
  return { role, serverTypes, count: perLocation(count), capacity: perLocation(capacity), volumes, placementGroupSize: 10 };
}

function perLocation([fsn1, nbg1, hel1]: number[]) {
  return { fsn1, nbg1, hel1, ash: 0, hil: 0, sin: 0 };
}

/** Paths of objects that could still be changed. */
function unfrozen(value: object, path = ""): string[] {
  const below = Object.entries(value).flatMap(([key, part]) => (typeof part === "object" && part !== null ? unfrozen(part as object, `${path}.${key}`) : []));
  return Object.isFrozen(value) ? below : [path, ...below];
}
