import { defineEnvironment } from "../../config/environment";
import { ConfigError } from "../../config/errors";
import { descriptionWith, GONE, goodDescription } from "./descriptions";
import type { EnvironmentInput } from "../../config/environment";

/** A mistake: what it is, the changes to a good description that make it, and every line of the answer below the first. */
type BadDescription = readonly [what: string, changes: Readonly<Record<string, unknown>>, ...lines: string[]];

/** The server types sold in Europe, as messages list them. */
const SOLD =
  "cx23, cx33, cx43, cx53, cpx12, cpx22, cpx32, cpx42, cpx52, cpx62, cax11, cax21, cax31, cax41, ccx13, ccx23, ccx33, ccx43, ccx53, ccx63";

/** The keys of a description, as messages list them. */
const KEYS = "name, domain, adminCidrs, dataCenters, pools, backend, protected, network, certificateAuthority, diskKey, image, gate";

const BAD_DESCRIPTIONS: readonly BadDescription[] = [
  [
    "a key misspelt",
    { dataCentres: { fsn1: {}, nbg1: {}, hel1: {} }, dataCenters: GONE },
    `dataCentres: got an unknown key, allowed: ${KEYS}; did you mean "dataCenters"`,
  ],
  [
    "a key that means nothing",
    { colour: "blue" },
    `colour: got an unknown key, allowed: ${KEYS}; remove it`,
  ],
  [
    "a role misspelt",
    { "pools.postgress": { serverType: "cx23", count: 1 }, "pools.postgres": GONE },
    'pools.postgress: got an unknown key, allowed: kubernetesServer, kubernetesAgent, postgres, worker, backup; did you mean "postgres"',
  ],
  [
    "a role that does not exist",
    { "pools.gateway": { serverType: "cx23", count: 1 } },
    "pools.gateway: got an unknown key, allowed: kubernetesServer, kubernetesAgent, postgres, worker, backup; remove it",
  ],
  [
    "a key of a pool misspelt",
    { "pools.worker.capacty": 4 },
    'pools.worker.capacty: got an unknown key, allowed: serverType, count, fallbacks, capacity, volumes, placementGroupSize; did you mean "capacity"',
  ],
  [
    "a key of a data center that does not exist",
    { "dataCenters.fsn1": { lost: true } },
    "dataCenters.fsn1.lost: got an unknown key, allowed: state, generation; remove it",
  ],
  [
    "a key of a volume misspelt",
    { "pools.postgres.volumes": [{ name: "data", size: 10 }] },
    'pools.postgres.volumes[0].size: got an unknown key, allowed: name, sizeGb, mirrored; did you mean "sizeGb"',
  ],
  [
    "a key of the network misspelt",
    { "network.wireguardRange": "10.1.0.0/16" },
    'network.wireguardRange: got an unknown key, allowed: range, wireGuardRange, podRange, serviceRange, dockerRange; did you mean "wireGuardRange"',
  ],
  [
    "no name",
    { name: GONE },
    "name: got nothing, allowed: a value, it has no default; add it",
  ],
  [
    "no data centers",
    { dataCenters: GONE },
    "dataCenters: got nothing, allowed: a value, it has no default; add it",
  ],
  [
    "nothing where a data center should be",
    { "dataCenters.fsn1": null },
    "dataCenters.fsn1: got null, allowed: an object; write { … }",
  ],
  [
    "no pools",
    { pools: GONE },
    "pools: got nothing, allowed: a value, it has no default; add it",
  ],
  [
    "no backend",
    { backend: GONE },
    "backend: got nothing, allowed: a value, it has no default; add it",
  ],
  [
    "no region",
    { "backend.region": GONE },
    "backend.region: got nothing, allowed: a value, it has no default; add it",
  ],
  [
    "a pool without a count",
    { "pools.worker.count": GONE },
    "pools.worker.count: got nothing, allowed: a value, it has no default; add it",
  ],
  [
    "a pool without a server type",
    { "pools.worker.serverType": GONE },
    "pools.worker.serverType: got nothing, allowed: a value, it has no default; add it",
  ],
  [
    "half a key",
    { "gate.timeout": 900 },
    'gate.timeout: got an unknown key, allowed: timeoutSeconds, intervalSeconds; did you mean "timeoutSeconds"',
  ],
  [
    "a volume without a size",
    { "pools.postgres.volumes.0.sizeGb": GONE },
    "pools.postgres.volumes[0].sizeGb: got nothing, allowed: a value, it has no default; add it",
  ],
  [
    "a number for a name",
    { name: 7 },
    "name: got 7, allowed: a text that is not empty; write a text in quotes",
  ],
  [
    "an empty domain",
    { domain: "" },
    'domain: got "", allowed: a text that is not empty; fill it in',
  ],
  [
    "a text for a list",
    { adminCidrs: "203.0.113.0/24" },
    'adminCidrs: got "203.0.113.0/24", allowed: a list; write [ … ]',
  ],
  [
    "a list for an object",
    { pools: [] },
    "pools: got [], allowed: an object; write { … }",
  ],
  [
    "null for an object",
    { network: null },
    "network: got null, allowed: an object; write { … }",
  ],
  [
    "a number for a pool",
    { "pools.postgres": 3 },
    "pools.postgres: got 3, allowed: an object; write { … }",
  ],
  [
    "a text for a flag",
    { protected: "yes" },
    'protected: got "yes", allowed: true, false; write one of them, without quotes',
  ],
  [
    "a number in quotes",
    { "pools.worker.count": "2" },
    'pools.worker.count: got "2", allowed: a whole number of machines from 0; write it without quotes',
  ],
  [
    "a number in words",
    { "pools.worker.count": "two" },
    'pools.worker.count: got "two", allowed: a whole number of machines from 0; write a number',
  ],
  [
    "a function for a text",
    { image: () => "debian-13" },
    "image: got a function, allowed: a text that is not empty; write a text in quotes",
  ],
  [
    "a count that is not a number",
    { "pools.worker.count": NaN },
    "pools.worker.count: got NaN, allowed: a whole number of machines from 0; write a number",
  ],
  [
    "null in a list of fallbacks",
    { "pools.worker.fallbacks": [null] },
    "pools.worker.fallbacks[0]: got null, allowed: a text that is not empty; write a text in quotes",
  ],
  [
    "a fraction that is infinite",
    { "dataCenters.fsn1": { generation: Infinity } },
    "dataCenters.fsn1.generation: got Infinity, allowed: a whole number from 1; write a number",
  ],
  [
    "a text for volumes",
    { "pools.postgres.volumes": "data" },
    'pools.postgres.volumes: got "data", allowed: a list; write [ … ]',
  ],
  [
    "a name in capitals",
    { name: "Dev" },
    'name: got "Dev", allowed: 1 to 20 lower case letters, digits and hyphens, a letter first and no hyphen last; write "dev"',
  ],
  [
    "a name with a digit first",
    { name: "2dev" },
    'name: got "2dev", allowed: 1 to 20 lower case letters, digits and hyphens, a letter first and no hyphen last; write "dev"',
  ],
  [
    "a name with a hyphen last",
    { name: "dev-" },
    'name: got "dev-", allowed: 1 to 20 lower case letters, digits and hyphens, a letter first and no hyphen last; write "dev"',
  ],
  [
    "a name that is too long",
    { name: "development-environment-one" },
    'name: got "development-environment-one", allowed: 1 to 20 lower case letters, digits and hyphens, a letter first and no hyphen last; write "development-environm"',
  ],
  [
    "a domain that is a URL",
    { domain: "https://dev.example.com/" },
    'domain: got "https://dev.example.com/", allowed: a domain name in lower case, like "dev.example.com"; write "dev.example.com"',
  ],
  [
    "a domain without a dot",
    { domain: "localhost" },
    'domain: got "localhost", allowed: a domain name in lower case, like "dev.example.com"; write a name with a dot in it',
  ],
  [
    "a domain in capitals",
    { domain: "Dev.Example.com" },
    'domain: got "Dev.Example.com", allowed: a domain name in lower case, like "dev.example.com"; write "dev.example.com"',
  ],
  [
    "a domain with an underscore",
    { domain: "dev_1.example.com" },
    'domain: got "dev_1.example.com", allowed: a domain name in lower case, like "dev.example.com"; write a name with a dot in it',
  ],
  [
    "an address for a domain",
    { domain: "203.0.113.7" },
    'domain: got "203.0.113.7", allowed: a domain name in lower case, like "dev.example.com"; write a name with a dot in it',
  ],
  [
    "nobody to let in",
    { adminCidrs: [] },
    "adminCidrs: got [], allowed: at least one network; add the network that operators come from, or nobody gets in",
  ],
  [
    "the world",
    { adminCidrs: ["0.0.0.0/0"] },
    'adminCidrs[0]: got "0.0.0.0/0", wider than /8, allowed: networks of /8 or narrower; name the networks that operators come from',
  ],
  [
    "the world in IPv6",
    { adminCidrs: ["::/0"] },
    'adminCidrs[0]: got "::/0", wider than /16, allowed: networks of /16 or narrower; name the networks that operators come from',
  ],
  [
    "the world in halves",
    { adminCidrs: ["0.0.0.0/1", "128.0.0.0/1"] },
    'adminCidrs[0]: got "0.0.0.0/1", wider than /8, allowed: networks of /8 or narrower; name the networks that operators come from',
    'adminCidrs[1]: got "128.0.0.0/1", wider than /8, allowed: networks of /8 or narrower; name the networks that operators come from',
  ],
  [
    "half a continent in IPv6",
    { adminCidrs: ["2000::/3"] },
    'adminCidrs[0]: got "2000::/3", wider than /16, allowed: networks of /16 or narrower; name the networks that operators come from',
  ],
  [
    "an address instead of a network",
    { adminCidrs: ["203.0.113.7"] },
    'adminCidrs[0]: got "203.0.113.7", allowed: a network like "203.0.113.0/24" or "2001:db8::/32"; write "203.0.113.7/32"',
  ],
  [
    "an IPv6 address instead of a network",
    { adminCidrs: ["2001:db8::7"] },
    'adminCidrs[0]: got "2001:db8::7", allowed: a network like "203.0.113.0/24" or "2001:db8::/32"; write "2001:db8::7/128"',
  ],
  [
    "a name instead of a network",
    { adminCidrs: ["office"] },
    'adminCidrs[0]: got "office", allowed: a network like "203.0.113.0/24" or "2001:db8::/32"; write an address, a slash and a number',
  ],
  [
    "a prefix that does not exist",
    { adminCidrs: ["203.0.113.0/33"] },
    'adminCidrs[0]: got "203.0.113.0/33", allowed: a network like "203.0.113.0/24" or "2001:db8::/32"; write an address, a slash and a number',
  ],
  [
    "IPv4 dressed as IPv6",
    { adminCidrs: ["::ffff:0.0.0.0/96"] },
    'adminCidrs[0]: got "::ffff:0.0.0.0/96", allowed: a network like "203.0.113.0/24" or "2001:db8::/32"; write an address, a slash and a number',
  ],
  [
    "host bits in an operator's network",
    { adminCidrs: ["203.0.113.7/24"] },
    'adminCidrs[0]: got "203.0.113.7/24", allowed: a network without host bits; write "203.0.113.0/24"',
  ],
  [
    "host bits in an operator's IPv6 network",
    { adminCidrs: ["2001:db8::1/64"] },
    'adminCidrs[0]: got "2001:db8::1/64", allowed: a network without host bits; write "2001:db8::/64"',
  ],
  [
    "the same operators twice",
    { adminCidrs: ["203.0.113.0/24", "203.0.113.0/24"] },
    'adminCidrs[1]: got "203.0.113.0/24" a second time, allowed: each network once; remove it',
  ],
  [
    "machines as operators",
    { adminCidrs: ["10.0.0.0/8"] },
    "adminCidrs[0]: got \"10.0.0.0/8\", which overlaps network.range, network.wireGuardRange, network.podRange, network.serviceRange, network.dockerRange, allowed: networks outside the environment's own ranges, whose machines would be operators; remove it, or name a narrower network",
  ],
  [
    "101 networks of operators",
    { adminCidrs: Array.from({ length: 101 }, (_, index) => `203.0.113.${index}/32`) },
    "adminCidrs: got 101 networks, allowed: at most 100 networks, the sources of one firewall rule; join neighbouring networks, or remove some",
  ],
  [
    "two data centers",
    { dataCenters: { fsn1: {}, nbg1: {} }, "pools.backup.count": 0 },
    "dataCenters: got 2 data centers, allowed: at least 3; describe 1 more",
  ],
  [
    "no data center at all",
    { dataCenters: {}, "pools.backup.count": 0 },
    "dataCenters: got 0 data centers, allowed: at least 3; describe 3 more",
  ],
  [
    "a location misspelt",
    { dataCenters: { fsn2: {}, nbg1: {}, hel1: {} } },
    'dataCenters.fsn2: got an unknown location, allowed: fsn1, nbg1, hel1, ash, hil, sin; did you mean "fsn1"',
  ],
  [
    "a location that means nothing",
    { "dataCenters.frankfurt": {} },
    "dataCenters.frankfurt: got an unknown location, allowed: fsn1, nbg1, hel1, ash, hil, sin; choose one of them",
  ],
  [
    "a state that does not exist",
    { "dataCenters.fsn1": { state: "gone" } },
    'dataCenters.fsn1.state: got "gone", allowed: "active", "lost"; set one of them',
  ],
  [
    "a location across the ocean",
    { dataCenters: { fsn1: {}, nbg1: {}, ash: {} }, "pools.backup.count": 0, "pools.kubernetesServer.fallbacks": ["ccx13"], "pools.kubernetesAgent.fallbacks": ["ccx13"], "pools.postgres.fallbacks": ["ccx13"], "pools.backup.fallbacks": ["ccx13"] },
    "dataCenters: got fsn1 (eu-central), nbg1 (eu-central), ash (us-east), allowed: locations of one network zone, which one private network can span; use fsn1, nbg1 and hel1, only eu-central has three locations",
    'pools.worker.serverType: got "cx23", not sold in ash, allowed: at least one type that is sold, for every data center with slots; add a fallback: ccx13, ccx23, ccx33, ccx43, ccx53, ccx63, cpx11, cpx21, cpx31, cpx41, cpx51',
  ],
  [
    "two lost data centers",
    { "dataCenters.fsn1": { state: "lost" }, "dataCenters.nbg1": { state: "lost" } },
    "dataCenters: got fsn1, nbg1 lost, allowed: at most one lost data center; set one of them to active, with two lost nothing has a majority and no deploy can help",
  ],
  [
    "all data centers lost",
    { dataCenters: { fsn1: { state: "lost" }, nbg1: { state: "lost" }, hel1: { state: "lost" } } },
    "dataCenters: got fsn1, nbg1, hel1 lost, allowed: at most one lost data center; set those that run to active, or destroy the stacks if the environment is to go",
  ],
  [
    "generation zero",
    { "dataCenters.fsn1": { generation: 0 } },
    "dataCenters.fsn1.generation: got 0, allowed: a whole number from 1; raise it to 1 or more",
  ],
  [
    "half a generation",
    { "dataCenters.fsn1": { generation: 1.5 } },
    "dataCenters.fsn1.generation: got 1.5, allowed: a whole number from 1; round it",
  ],
  [
    "a data center with workers only",
    { "pools.kubernetesServer.count": 0, "pools.postgres.count": 0 },
    "dataCenters.fsn1: got no stateful machine, allowed: at least one of kubernetesServer, postgres, backup; add one, it answers the health gate of its data center",
    "dataCenters.nbg1: got no stateful machine, allowed: at least one of kubernetesServer, postgres, backup; add one, it answers the health gate of its data center",
  ],
  [
    "four servers",
    { "pools.kubernetesServer.count": { fsn1: 1, nbg1: 1, hel1: 2 } },
    "pools.kubernetesServer.count: got 4 members, allowed: an odd number of members, or none: one more than an odd number tolerates no more losses; add or remove one",
  ],
  [
    "a database in one data center",
    { "pools.postgres.count": { fsn1: 1 } },
    "pools.postgres.count: got 1 of 1 members in fsn1, allowed: less than half of the members in any one data center, which may vanish; spread them over three data centers",
  ],
  [
    "a database in two data centers",
    { "pools.postgres.count": { fsn1: 2, nbg1: 1 } },
    "pools.postgres.count: got 2 of 3 members in fsn1, allowed: less than half of the members in any one data center, which may vanish; spread them over three data centers",
  ],
  [
    "most of four in one data center",
    { "pools.kubernetesServer.count": { fsn1: 3, nbg1: 1 } },
    "pools.kubernetesServer.count: got 4 members, allowed: an odd number of members, or none: one more than an odd number tolerates no more losses; add or remove one",
    "pools.kubernetesServer.count: got 3 of 4 members in fsn1, allowed: less than half of the members in any one data center, which may vanish; spread them over three data centers",
  ],
  [
    "a type that does not exist",
    { "pools.worker.serverType": "cx24" },
    `pools.worker.serverType: got "cx24", an unknown type, allowed: ${SOLD}; did you mean "cx23"`,
  ],
  [
    "a type of another provider",
    { "pools.worker.serverType": "m5.large" },
    `pools.worker.serverType: got "m5.large", an unknown type, allowed: ${SOLD}; choose one of them`,
  ],
  [
    "a retired type",
    { "pools.worker.serverType": "cx22" },
    `pools.worker.serverType: got "cx22", retired on 2026-01-01, allowed: ${SOLD}; use "cx23"`,
  ],
  [
    "a type that is retired in Europe",
    { "pools.worker.serverType": "cpx51" },
    `pools.worker.serverType: got "cpx51", retired on 2026-01-01, allowed: ${SOLD}; use "cpx62"`,
  ],
  [
    "a retired fallback",
    { "pools.worker.fallbacks": ["cx11"] },
    `pools.worker.fallbacks[0]: got "cx11", retired on 2024-09-06, allowed: ${SOLD}; use "cx23"`,
  ],
  [
    "a fallback twice",
    { "pools.worker.fallbacks": ["cpx22", "cx23", "cpx22"] },
    'pools.worker.fallbacks[1]: got "cx23" a second time, allowed: each type once; remove it',
    'pools.worker.fallbacks[2]: got "cpx22" a second time, allowed: each type once; remove it',
  ],
  [
    "two architectures",
    { "pools.worker.fallbacks": ["cax11", "cpx22"] },
    'pools.worker.fallbacks: got "cx23" (x86), "cax11" (arm), "cpx22" (x86), allowed: types of one architecture in a pool; keep those of x86',
  ],
  [
    "a negative count",
    { "pools.worker.count": -1 },
    "pools.worker.count: got -1, allowed: a whole number of machines from 0; raise it to 0 or more",
  ],
  [
    "half a machine",
    { "pools.worker.count": 1.5 },
    "pools.worker.count: got 1.5, allowed: a whole number of machines from 0; round it",
  ],
  [
    "half a machine in one data center",
    { "pools.worker.count": { fsn1: 0.5 } },
    "pools.worker.count.fsn1: got 0.5, allowed: a whole number of machines from 0; round it",
  ],
  [
    "a count for a data center that is not there",
    { "pools.worker.count": { ash: 1 } },
    "pools.worker.count.ash: got 1 for a data center that is not described, allowed: fsn1, nbg1, hel1; describe that data center, or remove the number",
  ],
  [
    "a capacity for a location misspelt",
    { "pools.worker.capacity": { fns1: 4 } },
    'pools.worker.capacity.fns1: got 4 for a data center that is not described, allowed: fsn1, nbg1, hel1; did you mean "fsn1"',
  ],
  [
    "more machines than slots",
    { "pools.worker.count": 9 },
    "pools.worker.count: got 9 in fsn1, nbg1, hel1, allowed: at most the capacity, 8; raise the capacity, which replaces every machine, or lower the count",
  ],
  [
    "more machines than slots in one data center",
    { "pools.worker.count": { fsn1: 3, hel1: 5 }, "pools.worker.capacity": { fsn1: 2, hel1: 5 } },
    "pools.worker.count: got 3 in fsn1, allowed: at most the capacity, 2; raise the capacity, which replaces every machine, or lower the count",
  ],
  [
    "more slots than addresses",
    { "pools.backup.capacity": { hel1: 9 } },
    "pools.backup.capacity: got 9 in hel1, allowed: at most 8, the addresses of the role in a data center; lower it to 8 or less",
  ],
  [
    "more servers than addresses",
    { "pools.kubernetesServer.count": 17 },
    "pools.kubernetesServer.count: got 17 in fsn1, nbg1, hel1, allowed: at most 16, the addresses of the role in a data center; lower it to 16 or less",
    "pools: got 106 attachments to the network, 103 slots and 3 load balancers, allowed: at most 100; lower capacities by 6 in all",
  ],
  [
    "a group that is too large",
    { "pools.worker.placementGroupSize": 11 },
    "pools.worker.placementGroupSize: got 11, allowed: a whole number of machines from 1 to 10; lower it to 10 or less",
  ],
  [
    "a group of nobody",
    { "pools.worker.placementGroupSize": 0 },
    "pools.worker.placementGroupSize: got 0, allowed: a whole number of machines from 1 to 10; raise it to 1 or more",
  ],
  [
    "too many attachments",
    { "pools.worker.capacity": 24 },
    "pools: got 106 attachments to the network, 103 slots and 3 load balancers, allowed: at most 100; lower capacities by 6 in all",
  ],
  [
    "too many placement groups",
    { "pools.worker.capacity": 16, "pools.worker.placementGroupSize": 1 },
    "pools: got 58 placement groups, allowed: at most 50 in a project; raise placementGroupSize, or lower capacities",
  ],
  [
    "volumes on workers",
    { "pools.worker.volumes": [{ name: "data", sizeGb: 10 }] },
    "pools.worker.volumes: got 1 volume on a stateless role, allowed: volumes on kubernetesServer, postgres, backup; remove them, this role's machines are replaced without care for data",
  ],
  [
    "a database without a volume",
    { "pools.postgres.volumes": GONE },
    'pools.postgres.volumes: got none, allowed: at least one volume, the root disk is lost with the machine; add one, like { name: "data", sizeGb: 10 }',
  ],
  [
    "a backup without a volume",
    { "pools.backup.volumes": [] },
    'pools.backup.volumes: got none, allowed: at least one volume, the root disk is lost with the machine; add one, like { name: "data", sizeGb: 10 }',
  ],
  [
    "a volume that is too small",
    { "pools.postgres.volumes.0.sizeGb": 9 },
    "pools.postgres.volumes[0].sizeGb: got 9, allowed: a whole number of GB from 10 to 10240; raise it to 10 or more",
  ],
  [
    "a volume that is too large",
    { "pools.postgres.volumes.0.sizeGb": 10241 },
    "pools.postgres.volumes[0].sizeGb: got 10241, allowed: a whole number of GB from 10 to 10240; lower it to 10240 or less",
  ],
  [
    "a volume of a fraction",
    { "pools.postgres.volumes.0.sizeGb": 10.5 },
    "pools.postgres.volumes[0].sizeGb: got 10.5, allowed: a whole number of GB from 10 to 10240; round it",
  ],
  [
    "a volume name in capitals",
    { "pools.postgres.volumes.0.name": "Data Base" },
    'pools.postgres.volumes[0].name: got "Data Base", allowed: lower case letters, digits and hyphens, a letter first and no hyphen last; write "data-base"',
  ],
  [
    "a volume twice",
    { "pools.postgres.volumes": [{ name: "data", sizeGb: 10 }, { name: "data", sizeGb: 10 }] },
    'pools.postgres.volumes[1].name: got "data" a second time, allowed: a name that no other volume of the pool has, halves of mirrored ones included; choose another name',
  ],
  [
    "a volume named like half of another",
    { "pools.postgres.volumes": [{ name: "data", sizeGb: 10, mirrored: true }, { name: "data-b", sizeGb: 10 }] },
    'pools.postgres.volumes[1].name: got "data-b" a second time, allowed: a name that no other volume of the pool has, halves of mirrored ones included; choose another name',
  ],
  [
    "a volume name that is too long",
    { "pools.postgres.volumes.0.name": "a-volume-for-the-data-of-the-database-of-the-customers" },
    "pools.postgres.volumes[0].name: got \"a-volume-for-the-data-of-the-database-of-the-customers\", which makes a name of 74 characters, allowed: names of at most 63 characters with the slot's name in front; shorten it by 11",
  ],
  [
    "seventeen volumes",
    { "pools.postgres.volumes": [{ name: "data", sizeGb: 10 }, ...Array.from({ length: 8 }, (_, index) => ({ name: `v${index}`, sizeGb: 10, mirrored: true }))] },
    "pools.postgres.volumes: got 17 volumes on a machine, allowed: at most 16, a mirrored one counting twice; remove 1, or use fewer and larger ones",
  ],
  [
    "a range that is none",
    { "network.range": "10.0.0.0" },
    'network.range: got "10.0.0.0", allowed: an IPv4 network like "10.0.0.0/16"; write an address, a slash and a number',
  ],
  [
    "an IPv6 range",
    { "network.range": "fd00::/16" },
    'network.range: got "fd00::/16", allowed: an IPv4 network like "10.0.0.0/16"; write an address, a slash and a number',
  ],
  [
    "host bits in a range",
    { "network.range": "10.0.1.0/16" },
    'network.range: got "10.0.1.0/16", allowed: a network without host bits; write "10.0.0.0/16"',
  ],
  [
    "a public range",
    { "network.range": "198.18.0.0/16" },
    'network.range: got "198.18.0.0/16", allowed: a network inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16; choose a private one',
  ],
  [
    "a link-local range",
    { "network.wireGuardRange": "169.254.0.0/16" },
    'network.wireGuardRange: got "169.254.0.0/16", allowed: a network inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16; choose a private one',
  ],
  [
    "a range that is too small",
    { "network.range": "10.0.0.0/22" },
    'network.range: got "10.0.0.0/22", allowed: /21 or larger, a /24 for each location number up to 7; lower the number behind the slash',
  ],
  [
    "a mesh that is too small",
    { "network.wireGuardRange": "10.1.0.0/24" },
    'network.wireGuardRange: got "10.1.0.0/24", allowed: /21 or larger, a /24 for each location number up to 7; lower the number behind the slash',
  ],
  [
    "a Docker range that is too small",
    { "network.dockerRange": "10.44.0.0/24" },
    'network.dockerRange: got "10.44.0.0/24", allowed: /20 or larger, sixteen bridges of /24; lower the number behind the slash',
  ],
  [
    "the mesh inside the network",
    { "network.wireGuardRange": "10.0.0.0/16" },
    'network.wireGuardRange: got "10.0.0.0/16", which overlaps network.range "10.0.0.0/16", allowed: ranges that have no address in common; move one of them',
  ],
  [
    "the network over the pods",
    { "network.range": "10.40.0.0/14" , "network.dockerRange": "10.100.0.0/16"},
    'network.podRange: got "10.42.0.0/16", which overlaps network.range "10.40.0.0/14", allowed: ranges that have no address in common; move one of them',
    'network.serviceRange: got "10.43.0.0/16", which overlaps network.range "10.40.0.0/14", allowed: ranges that have no address in common; move one of them',
  ],
  [
    "Docker inside the services",
    { "network.dockerRange": "10.43.128.0/17" },
    'network.dockerRange: got "10.43.128.0/17", which overlaps network.serviceRange "10.43.0.0/16", allowed: ranges that have no address in common; move one of them',
  ],
  [
    "the range of Docker's bridge",
    { "network.wireGuardRange": "172.17.0.0/16" },
    "network.wireGuardRange: got \"172.17.0.0/16\", which overlaps \"172.17.0.0/16\" of Docker's first bridge, allowed: ranges that nothing else on a host has; choose another one",
  ],
  [
    "the range of Hetzner's gateway",
    { "network.range": "172.31.0.0/16" },
    "network.range: got \"172.31.0.0/16\", which overlaps \"172.31.1.1/32\" of Hetzner's public gateway, allowed: ranges that nothing else on a host has; choose another one",
  ],
  [
    "another range for pods",
    { "network.podRange": "10.52.0.0/16" },
    "network.podRange: got \"10.52.0.0/16\", allowed: \"10.42.0.0/16\"; remove it, it can't be changed",
  ],
  [
    "a signer that nobody trusts",
    { "certificateAuthority.signing": 3 },
    "certificateAuthority.signing: got 3, allowed: one of the trusted, 1, 2; rotate in two deploys: sign with the next, then forget the old",
  ],
  [
    "one trusted authority",
    { "certificateAuthority.trusted": [1] },
    "certificateAuthority.trusted: got [1], allowed: two numbers, ascending, one after the other; write [1, 2]",
  ],
  [
    "no trusted authority",
    { "certificateAuthority.trusted": [] },
    "certificateAuthority.trusted: got [], allowed: two numbers, ascending, one after the other; write [1, 2]",
  ],
  [
    "trusted authorities in the wrong order",
    { "certificateAuthority.trusted": [2, 1] },
    "certificateAuthority.trusted: got [2, 1], allowed: two numbers, ascending, one after the other; write [1, 2]",
  ],
  [
    "a default authority for a signer that is none of it",
    { "certificateAuthority": { signing: 4 } },
    "certificateAuthority.signing: got 4, allowed: one of the trusted, 1, 2; rotate in two deploys: sign with the next, then forget the old",
  ],
  [
    "a gap between trusted authorities",
    { "certificateAuthority.trusted": [1, 3] },
    "certificateAuthority.trusted: got [1, 3], allowed: two numbers, ascending, one after the other; write [1, 2]",
  ],
  [
    "a number for trusted authorities",
    { "certificateAuthority.trusted": 1 },
    "certificateAuthority.trusted: got 1, allowed: a list; write [ … ]",
  ],
  [
    "authority zero",
    { "certificateAuthority.trusted": [0, 1] },
    "certificateAuthority.trusted[0]: got 0, allowed: a whole number from 1; raise it to 1 or more",
  ],
  [
    "a disk key with an unknown key",
    { diskKey: { previous: true } },
    "diskKey.previous: got an unknown key, allowed: generation, acceptPrevious; remove it",
  ],
  [
    "a disk key that is no object",
    { diskKey: 2 },
    "diskKey: got 2, allowed: an object; write { … }",
  ],
  [
    "a disk key of generation zero",
    { "diskKey.generation": 0 },
    "diskKey.generation: got 0, allowed: a whole number from 1; raise it to 1 or more",
  ],
  [
    "half a generation of disk keys",
    { "diskKey.generation": 1.5 },
    "diskKey.generation: got 1.5, allowed: a whole number from 1; round it",
  ],
  [
    "a generation of disk keys as a text",
    { "diskKey.generation": "2" },
    'diskKey.generation: got "2", allowed: a whole number from 1; write it without quotes',
  ],
  [
    "a text for whether the disk key before is accepted",
    { diskKey: { generation: 2, acceptPrevious: "yes" } },
    'diskKey.acceptPrevious: got "yes", allowed: true, false; write one of them, without quotes',
  ],
  [
    "a first disk key with one before it",
    { "diskKey.acceptPrevious": true },
    "diskKey.acceptPrevious: got true, allowed: false, as generation 1 has none before it; raise diskKey.generation to 2, or leave acceptPrevious out",
  ],
  [
    "a state over plain HTTP",
    { "backend.endpoint": "http://fsn1.your-objectstorage.com" },
    'backend.endpoint: got "http://fsn1.your-objectstorage.com", allowed: an https URL without a path, like "https://fsn1.your-objectstorage.com"; write "https://fsn1.your-objectstorage.com"',
  ],
  [
    "an endpoint with a path",
    { "backend.endpoint": "https://fsn1.your-objectstorage.com/state-dev" },
    'backend.endpoint: got "https://fsn1.your-objectstorage.com/state-dev", allowed: an https URL without a path, like "https://fsn1.your-objectstorage.com"; write "https://fsn1.your-objectstorage.com"',
  ],
  [
    "an endpoint without a scheme",
    { "backend.endpoint": "fsn1.your-objectstorage.com" },
    'backend.endpoint: got "fsn1.your-objectstorage.com", allowed: an https URL without a path, like "https://fsn1.your-objectstorage.com"; write the whole URL',
  ],
  [
    "an endpoint with a password",
    { "backend.endpoint": "https://key:secret@fsn1.your-objectstorage.com" },
    'backend.endpoint: got a URL with credentials, allowed: an https URL without a path, like "https://fsn1.your-objectstorage.com"; write "https://fsn1.your-objectstorage.com"',
  ],
  [
    "a bucket in capitals",
    { "backend.bucket": "State" },
    'backend.bucket: got "State", allowed: 3 to 63 lower case letters, digits and hyphens, no hyphen at either end; choose another name',
  ],
  [
    "a bucket with a dot",
    { "backend.bucket": "state.dev" },
    'backend.bucket: got "state.dev", allowed: 3 to 63 lower case letters, digits and hyphens, no hyphen at either end; choose another name',
  ],
  [
    "a bucket of two letters",
    { "backend.bucket": "st" },
    'backend.bucket: got "st", allowed: 3 to 63 lower case letters, digits and hyphens, no hyphen at either end; choose another name',
  ],
  [
    "a region with a space",
    { "backend.region": "fsn 1" },
    'backend.region: got "fsn 1", allowed: lower case letters, digits and hyphens; write it like "fsn1"',
  ],
  [
    "a key prefix with a slash first",
    { "backend.keyPrefix": "/dev" },
    'backend.keyPrefix: got "/dev", allowed: letters, digits, dots, hyphens and underscores, with slashes between but at neither end; write it like "team/dev"',
  ],
  [
    "a key prefix that climbs",
    { "backend.keyPrefix": "dev/../production" },
    'backend.keyPrefix: got "dev/../production", allowed: letters, digits, dots, hyphens and underscores, with slashes between but at neither end; write it like "team/dev"',
  ],
  [
    "an image of another system",
    { image: "ubuntu-24.04" },
    'image: got "ubuntu-24.04", allowed: "debian-13"; remove it, packages and units are made for that one',
  ],
  [
    "a gate that does not wait",
    { "gate.timeoutSeconds": 5 },
    "gate.timeoutSeconds: got 5, allowed: a whole number of seconds from 60 to 3600; raise it to 60 or more",
  ],
  [
    "a gate that waits for a day",
    { "gate.timeoutSeconds": 86400 },
    "gate.timeoutSeconds: got 86400, allowed: a whole number of seconds from 60 to 3600; lower it to 3600 or less",
  ],
  [
    "a gate that asks too often",
    { "gate.intervalSeconds": 0 },
    "gate.intervalSeconds: got 0, allowed: a whole number of seconds from 1 to 60; raise it to 1 or more",
  ],
];

/** What a description is refused with. */
function refusal(description: unknown): ConfigError {
  try {
    defineEnvironment(description as EnvironmentInput);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return error as ConfigError;
  }
  throw new Error("the description was accepted");
}

test("the description that all others are damaged copies of is good", () => {
  expect(() => defineEnvironment(goodDescription() as unknown as EnvironmentInput)).not.toThrow();
});

test.each(BAD_DESCRIPTIONS.map(([what, changes, ...lines]) => ({ what, changes, lines })))("fails with $what", ({ changes, lines }) => {
  const { name = "dev" } = changes;
  const shown = typeof name === "string" ? name : "unnamed";
  const headline = `environment '${shown}' has ${lines.length} ${lines.length === 1 ? "problem" : "problems"}`;
  expect(refusal(descriptionWith(changes)).message).toBe([headline, ...lines.map((line) => `  ${line}`)].join("\n"));
});

test("no mistake is described twice", () => {
  const texts = BAD_DESCRIPTIONS.map(([what]) => what);
  expect(new Set(texts).size).toBe(texts.length);
});

test("messages keep to one style: a path first, lower case, no full stop, one line per problem", () => {
  for (const [, changes] of BAD_DESCRIPTIONS) {
    for (const problem of refusal(descriptionWith(changes)).problems) {
      expect(problem.path).toMatch(/^[a-z][A-Za-z]*(\.[A-Za-z0-9]+|\[\d+\])*$/);
      for (const text of [problem.got, problem.allowed, problem.fix]) {
        expect(text).toMatch(/^[^\n]*[^.\s]$/);
      }
      expect(problem.fix).toMatch(/^[a-z]/);
      expect(`${problem.allowed} ${problem.fix}`).not.toContain(";");
    }
  }
});

test("reports every problem of a description at once", () => {
  const description = descriptionWith({
    name: "Dev",
    domain: "https://example.com",
    adminCidrs: ["0.0.0.0/0", "203.0.113.9/24"],
    colour: "blue",
    "dataCenters.fsn1": { state: "gone", generation: 0 },
    "pools.kubernetesServer.count": { fsn1: 1, nbg1: 1 },
    "pools.postgres.volumes": GONE,
    "pools.worker.serverType": "cx22",
    "pools.worker.count": 9,
    "pools.backup.capacity": 9,
    "network.wireGuardRange": "10.0.0.0/16",
    "certificateAuthority.trusted": [2, 1],
    "backend.endpoint": "http://state.example.com",
    image: "debian-12",
    "gate.intervalSeconds": 0.5,
  });
  expect(refusal(description).message).toBe(
    [
      "environment 'Dev' has 17 problems",
      `  colour: got an unknown key, allowed: ${KEYS}; remove it`,
      '  dataCenters.fsn1.state: got "gone", allowed: "active", "lost"; set one of them',
      "  dataCenters.fsn1.generation: got 0, allowed: a whole number from 1; raise it to 1 or more",
      "  gate.intervalSeconds: got 0.5, allowed: a whole number of seconds from 1 to 60; raise it to 1 or more",
      '  name: got "Dev", allowed: 1 to 20 lower case letters, digits and hyphens, a letter first and no hyphen last; write "dev"',
      '  domain: got "https://example.com", allowed: a domain name in lower case, like "dev.example.com"; write "example.com"',
      '  adminCidrs[0]: got "0.0.0.0/0", wider than /8, allowed: networks of /8 or narrower; name the networks that operators come from',
      '  adminCidrs[1]: got "203.0.113.9/24", allowed: a network without host bits; write "203.0.113.0/24"',
      `  pools.worker.serverType: got "cx22", retired on 2026-01-01, allowed: ${SOLD}; use "cx23"`,
      "  pools.worker.count: got 9 in fsn1, nbg1, hel1, allowed: at most the capacity, 8; raise the capacity, which replaces every machine, or lower the count",
      "  pools.backup.capacity: got 9 in fsn1, nbg1, hel1, allowed: at most 8, the addresses of the role in a data center; lower it to 8 or less",
      "  pools.kubernetesServer.count: got 2 members, allowed: an odd number of members, or none: one more than an odd number tolerates no more losses; add or remove one",
      '  pools.postgres.volumes: got none, allowed: at least one volume, the root disk is lost with the machine; add one, like { name: "data", sizeGb: 10 }',
      '  network.wireGuardRange: got "10.0.0.0/16", which overlaps network.range "10.0.0.0/16", allowed: ranges that have no address in common; move one of them',
      "  certificateAuthority.trusted: got [2, 1], allowed: two numbers, ascending, one after the other; write [1, 2]",
      '  backend.endpoint: got "http://state.example.com", allowed: an https URL without a path, like "https://fsn1.your-objectstorage.com"; write "https://state.example.com"',
      '  image: got "debian-12", allowed: "debian-13"; remove it, packages and units are made for that one',
    ].join("\n"),
  );
});

test.each([null, undefined, "dev", 7, true, [], [goodDescription()], () => goodDescription()])("survives %p for a description", (input) => {
  expect(refusal(input).problems[0]?.path).toBe("the description");
});

test("survives anything in place of anything", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const nonsense = [null, 0, -1, NaN, 1e99, "", " ", "x", "\u0000", true, [], [[]], {}, { fsn1: {} }, circular, 10n, Symbol("x"), () => 0, new Date(0)];
  for (const path of everyPath(goodDescription())) {
    for (const value of nonsense) {
      try {
        defineEnvironment(descriptionWith({ [path]: value }) as unknown as EnvironmentInput);
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
      }
    }
  }
});

/** The paths of all values of a description, of the objects and lists in it too. */
function everyPath(value: unknown, path: readonly string[] = []): string[] {
  const below = typeof value === "object" && value !== null ? Object.entries(value).flatMap(([key, part]) => everyPath(part, [...path, key])) : [];
  return path.length === 0 ? below : [path.join("."), ...below];
}
