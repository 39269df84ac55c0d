import { EnvironmentInput } from "../../../config/environment";

/** What a step of the suite changes of the description. */
export type Change = (description: EnvironmentInput) => EnvironmentInput;

/** The environment of the suite: as few machines as can show everything. A quorum member in each data center, and one worker. */
export const PLAIN: EnvironmentInput = {
  name: "lab",
  domain: "lab.example.com",
  adminCidrs: ["203.0.113.0/24"],
  protected: false,
  dataCenters: { fsn1: {}, nbg1: {}, hel1: {} },
  pools: {
    postgres: { serverType: "cx23", fallbacks: ["cpx22"], count: 1, volumes: [{ name: "data", sizeGb: 10 }] },
    worker: { serverType: "cx23", fallbacks: ["cpx22"], count: { fsn1: 1 }, capacity: 2 },
  },
  backend: { bucket: "triplicate-state-lab", endpoint: "https://nbg1.your-objectstorage.com", region: "nbg1" },
  gate: { timeoutSeconds: 1800 },
};

/** Without the worker, where only data centers count. */
export const DATABASES_ONLY: EnvironmentInput = { ...PLAIN, pools: { postgres: PLAIN.pools.postgres } };

/** With mirrored volumes, which takes each machine half a minute more to install. */
export const MIRRORED: EnvironmentInput = {
  ...PLAIN,
  pools: { ...PLAIN.pools, postgres: { ...PLAIN.pools.postgres!, volumes: [{ name: "data", sizeGb: 10, mirrored: true }] } },
};

/** A machine of each role that `dev` has, in the first data center: eight machines. */
export const EVERY_ROLE: EnvironmentInput = {
  ...PLAIN,
  pools: {
    ...PLAIN.pools,
    kubernetesServer: { serverType: "cx23", fallbacks: ["cpx22"], count: 1, volumes: [{ name: "data", sizeGb: 10 }] },
    kubernetesAgent: { serverType: "cx23", fallbacks: ["cpx22"], count: { fsn1: 1 }, capacity: 2 },
  },
};

/** Replaces the machines of some data centers. */
export function replaced(...locations: string[]): Change {
  return (description) => {
    const dataCenters = Object.entries(description.dataCenters).map(([location, given]) => {
      return [location, locations.includes(location) ? { ...given, generation: (given.generation ?? 1) + 1 } : given];
    });
    return { ...description, dataCenters: Object.fromEntries(dataCenters) };
  };
}
