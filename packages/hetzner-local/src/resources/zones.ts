/** DNS zones: records of records; no name server answers. */
import { invalidInput } from "../errors";
import { objectList, optionalInteger, requireInteger, requireOneOf, requireText } from "../input";
import type { Json, RecordSet, Zone } from "../model";
import { checkTtl, DEFAULT_TTL, readRecordSet, registerRecordSets } from "./record-sets";
import {
  act, assertUnprotected, changeProtection, created, newEntity, ref, registerResource, type Call, type Reply, type ResourceKind, type Routes,
} from "./shared";

const NAMESERVERS = ["hydrogen.ns.hetzner.com.", "oxygen.ns.hetzner.com.", "helium.ns.hetzner.de."];

const KIND: ResourceKind<"zones"> = {
  path: "zones",
  singular: "zone",
  present,
  create,
  remove,
  isFoundByName: true,
  checkName: (name) => {
    if (!/^(?=.{1,253}$)([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])$/.test(name)) {
      throw invalidInput("name", `'${name}' is not a domain name in lower case without final dot`);
    }
  },
  filters: { mode: (_call, zone, mode) => zone.mode === mode },
  actions: { change_ttl: changeTtl, change_protection: changeProtection("zone") },
};

export function registerZones(routes: Routes): void {
  registerResource(routes, KIND);
  registerRecordSets(routes);
}

function present(_call: Call, zone: Zone): Json {
  return {
    id: zone.id,
    name: zone.name,
    created: zone.created,
    labels: zone.labels,
    protection: zone.protection,
    mode: zone.mode,
    ttl: zone.ttl,
    primary_nameservers: [],
    authoritative_nameservers: { assigned: NAMESERVERS, delegated: [], delegation_last_check: null, delegation_status: "unknown" },
    registrar: "unknown",
    status: "ok",
    record_count: zone.rrsets.reduce((sum, item) => sum + item.records.length, 0),
  };
}

/** Only primary zones: a secondary one would have to fetch its records from somewhere. */
function create(call: Call): Reply {
  requireOneOf(call.body, "mode", ["primary"]);
  const zone: Zone = {
    ...newEntity(call, KIND, requireText(call.body, "name")),
    protection: { delete: false },
    mode: "primary",
    ttl: checkTtl(optionalInteger(call.body, "ttl") ?? DEFAULT_TTL),
    rrsets: defaultRecordSets(),
  };
  for (const item of objectList(call.body, "rrsets")) zone.rrsets.push(readRecordSet(zone, item));
  call.project.add("zones", zone);
  const action = call.world.actions.start(call.project, { command: "create_zone", resources: [ref("zone", zone)] });
  return created({ zone: present(call, zone), action });
}

function remove(call: Call, zone: Zone): Reply {
  assertUnprotected("zone", zone);
  return act(call, { command: "delete_zone", resources: [ref("zone", zone)], run: () => call.project.remove("zones", zone.id) });
}

function changeTtl(call: Call, zone: Zone): Reply {
  const ttl = checkTtl(requireInteger(call.body, "ttl"));
  return act(call, { command: "change_ttl", resources: [ref("zone", zone)], run: () => { zone.ttl = ttl; } });
}

/** What the API makes by itself: SOA and NS at the zone's top. */
function defaultRecordSets(): RecordSet[] {
  const soa = `${NAMESERVERS[0]} dns.hetzner.com. 2026010100 86400 10800 3600000 3600`;
  const set = (type: string, values: readonly string[]): RecordSet =>
    ({ name: "@", type, ttl: null, labels: {}, protection: { change: false }, records: values.map((value) => ({ value })) });
  return [set("SOA", [soa]), set("NS", NAMESERVERS)];
}
