import { defineEnvironment } from "../environment";

/**
 * Production in small: the same roles, mirrored database volumes and protection, on machines half the size. A release,
 * an upgrade or a failover is tried here before it is done there.
 */
export const staging = defineEnvironment({
  name: "staging",
  domain: "staging.example.com",
  adminCidrs: ["203.0.113.0/24", "2001:db8:10::/48"],
  protected: true,
  dataCenters: { fsn1: {}, nbg1: {}, hel1: {} },
  pools: {
    kubernetesServer: {
      serverType: "cx33",
      fallbacks: ["cpx32", "ccx13"],
      count: 1,
      volumes: [{ name: "data", sizeGb: 20 }],
    },
    kubernetesAgent: { serverType: "cx33", fallbacks: ["cpx32", "ccx13"], count: 1 },
    postgres: {
      serverType: "cx33",
      fallbacks: ["cpx32", "ccx13"],
      count: 1,
      volumes: [{ name: "data", sizeGb: 20, mirrored: true }],
    },
    worker: { serverType: "cx23", fallbacks: ["cpx22", "cpx32"], count: 1 },
    backup: {
      serverType: "cx23",
      fallbacks: ["cpx22", "cpx32"],
      // Not in the data center that leads first: a backup beside its original is lost with it.
      count: { hel1: 1 },
      volumes: [{ name: "data", sizeGb: 40 }],
    },
  },
  backend: {
    bucket: "triplicate-state-staging",
    endpoint: "https://nbg1.your-objectstorage.com",
    region: "nbg1",
  },
});
