import { defineEnvironment } from "../environment";

/**
 * The real one. Whatever writes to disk has dedicated processors (a neighbour's load shows in fsync first) and mirrored
 * volumes.
 */
export const production = defineEnvironment({
  name: "production",
  domain: "example.com",
  adminCidrs: ["198.51.100.0/24", "203.0.113.0/24", "2001:db8:20::/48"],
  protected: true,
  dataCenters: { fsn1: {}, nbg1: {}, hel1: {} },
  pools: {
    kubernetesServer: {
      serverType: "ccx13",
      fallbacks: ["ccx23", "cpx32"],
      count: 1,
      volumes: [{ name: "data", sizeGb: 40, mirrored: true }],
    },
    kubernetesAgent: { serverType: "ccx23", fallbacks: ["ccx33", "cpx42"], count: 2 },
    postgres: {
      serverType: "ccx23",
      fallbacks: ["ccx33", "cpx42"],
      count: 1,
      volumes: [{ name: "data", sizeGb: 200, mirrored: true }],
    },
    // The default of 8 slots: each Postgres machine knows the key of every slot, and its user_data is nearly full (ADR 7).
    worker: { serverType: "cx33", fallbacks: ["cpx32", "ccx13"], count: 2 },
    backup: {
      serverType: "cpx22",
      fallbacks: ["cpx32", "ccx13"],
      // Not in the data center that leads first: a backup beside its original is lost with it.
      count: { hel1: 1 },
      volumes: [{ name: "data", sizeGb: 500, mirrored: true }],
    },
  },
  backend: {
    bucket: "triplicate-state-production",
    endpoint: "https://nbg1.your-objectstorage.com",
    region: "nbg1",
  },
});
