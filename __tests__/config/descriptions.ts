/** A description as it comes from plain JavaScript: no types hold it. */
export type PlainDescription = Record<string, unknown>;

/** Put in place of a value, it takes the key away. */
export const GONE = Symbol("gone");

/** A small description without mistakes, new each time, for tests to damage. */
export function goodDescription(): PlainDescription {
  return {
    name: "dev",
    domain: "dev.example.com",
    adminCidrs: ["203.0.113.0/24"],
    dataCenters: { fsn1: {}, nbg1: {}, hel1: {} },
    pools: {
      kubernetesServer: { serverType: "cx23", count: 1 },
      kubernetesAgent: { serverType: "cx23", fallbacks: ["cpx22"], count: 1 },
      postgres: { serverType: "cx23", count: 1, volumes: [{ name: "data", sizeGb: 10 }] },
      worker: { serverType: "cx23", count: 2 },
      backup: { serverType: "cx23", count: { hel1: 1 }, volumes: [{ name: "data", sizeGb: 20 }] },
    },
    backend: { bucket: "state-dev", endpoint: "https://fsn1.your-objectstorage.com", region: "fsn1" },
  };
}

/** The good description with values put at paths like `pools.worker.count` or `adminCidrs.0`. */
export function descriptionWith(changes: Readonly<Record<string, unknown>>): PlainDescription {
  const description = goodDescription();
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.split(".");
    const last = keys.pop() ?? "";
    const parent = keys.reduce<PlainDescription>((at, key) => (at[key] ??= {}) as PlainDescription, description);
    if (value === GONE) {
      Reflect.deleteProperty(parent, last);
    } else {
      parent[last] = value;
    }
  }
  return description;
}
