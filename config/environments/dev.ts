import { defineEnvironment } from "../environment";

/**
 * The smallest environment that still spans three data centers: everything that can only go wrong with three of something
 * goes wrong here first. Nothing in it is precious, so it may be destroyed.
 */
export const dev = defineEnvironment({
  name: "dev",
  domain: "dev.example.com",
  adminCidrs: ["203.0.113.0/24"],
  protected: false,
  dataCenters: { fsn1: {}, nbg1: {}, hel1: {} },
  pools: {
    kubernetesServer: {
      serverType: "cx23",
      fallbacks: ["cpx22", "cpx32"],
      count: 1,
      volumes: [{ name: "data", sizeGb: 10 }],
    },
    kubernetesAgent: { serverType: "cx23", fallbacks: ["cpx22", "cpx32"], count: 1, capacity: 4 },
    postgres: {
      serverType: "cx23",
      fallbacks: ["cpx22", "cpx32"],
      count: 1,
      volumes: [{ name: "data", sizeGb: 10 }],
    },
    worker: { serverType: "cx23", fallbacks: ["cpx22", "cpx32"], count: 1, capacity: 4 },
  },
  backend: {
    bucket: "triplicate-state-dev",
    endpoint: "https://nbg1.your-objectstorage.com",
    region: "nbg1",
  },
});
