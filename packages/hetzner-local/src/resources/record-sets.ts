/** The record sets of a zone: found by name and type, not by id. */
import { isIP } from "node:net";
import { apiError, invalidInput, notFound } from "../errors";
import { objectList, optionalBoolean, optionalInteger, optionalText, requireOneOf, requireText } from "../input";
import { parseSelector, readLabels } from "../labels";
import type { Json, RecordSet, Zone } from "../model";
import { act, created, listAnswer, ok, queryValue, ref, type Call, type Reply, type Routes } from "./shared";

/** Seconds. @see https://docs.hetzner.cloud/reference/cloud#zones */
const TTL = { min: 60, max: 2147483647 };

/** Seconds: the TTL of a zone that is created without one. */
export const DEFAULT_TTL = 3600;

const TYPES = ["A", "AAAA", "CAA", "CNAME", "DS", "HINFO", "HTTPS", "MX", "NS", "PTR", "RP", "SOA", "SRV", "SVCB", "TLSA", "TXT"];
const NAME = /^(@|(\*|[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?)*)$/;

type Records = RecordSet["records"];
type SetHandler = (call: Call, zone: Zone, set: RecordSet) => Reply;

const ACTIONS: Readonly<Record<string, SetHandler>> = {
  set_records: (call, zone, set) => {
    const records = readRecords(call.body, set);
    return change(call, zone, set, "set_rrset_records", () => { set.records = records; });
  },
  add_records: (call, zone, set) => {
    const records = [...set.records, ...readRecords(call.body, set)];
    assertDistinct(records);
    return change(call, zone, set, "add_rrset_records", () => { set.records = records; });
  },
  remove_records: removeRecords,
  change_ttl: (call, zone, set) => {
    const ttl = readTtl(call.body);
    return change(call, zone, set, "change_rrset_ttl", () => { set.ttl = ttl; });
  },
  change_protection: (call, zone, set) => {
    const isProtected = optionalBoolean(call.body, "change") ?? set.protection.change;
    return start(call, zone, "change_rrset_protection", () => { set.protection.change = isProtected; });
  },
};

export function registerRecordSets(routes: Routes): void {
  const one = "/zones/:zone/rrsets/:name/:type";
  routes.add("GET", "/zones/:zone/rrsets", list);
  routes.add("POST", "/zones/:zone/rrsets", create);
  routes.add("GET", one, (call) => withSet(call, (_, zone, set) => ok({ rrset: present(zone, set) })));
  routes.add("PUT", one, (call) => withSet(call, update));
  routes.add("DELETE", one, (call) => withSet(call, remove));
  for (const [name, handler] of Object.entries(ACTIONS)) routes.add("POST", `${one}/actions/${name}`, (call) => withSet(call, handler));
}

/** Refuses times to live that the API does not accept. */
export function checkTtl(ttl: number): number {
  if (ttl < TTL.min || ttl > TTL.max) throw invalidInput("ttl", `must be from ${TTL.min} to ${TTL.max} seconds, got ${ttl}`);
  return ttl;
}

/** Reads and checks a new record set of a zone. */
export function readRecordSet(zone: Zone, body: Json): RecordSet {
  const name = requireText(body, "name");
  const type = requireOneOf(body, "type", TYPES);
  if (!NAME.test(name)) throw invalidInput("name", `'${name}' is not a record name in lower case relative to the zone`);
  if (zone.rrsets.some((item) => item.name === name && item.type === type)) {
    throw apiError("uniqueness_error", `zone '${zone.name}' already has a record set ${name} ${type}`);
  }
  assertNoCnameClash(zone, name, type);
  const set = { name, type, ttl: readTtl(body), labels: readLabels(body) ?? {}, protection: { change: false } };
  return { ...set, records: readRecords(body, set) };
}

function present(zone: Zone, set: RecordSet): Json {
  return { id: `${set.name}/${set.type}`, ...set, zone: zone.id };
}

function list(call: Call): Reply {
  const zone = requireZone(call);
  const name = queryValue(call, "name");
  const hasLabels = parseSelector(queryValue(call, "label_selector") ?? "");
  const found = zone.rrsets.filter((set) =>
    (name === undefined || set.name === name) && (call.query.type?.includes(set.type) ?? true) && hasLabels(set.labels));
  return listAnswer(call, "rrsets", found.map((set) => present(zone, set)));
}

function create(call: Call): Reply {
  const zone = requireZone(call);
  const set = readRecordSet(zone, call.body);
  zone.rrsets.push(set);
  const action = call.world.actions.start(call.project, { command: "create_rrset", resources: [ref("zone", zone)] });
  return created({ rrset: present(zone, set), action });
}

function update(call: Call, zone: Zone, set: RecordSet): Reply {
  set.labels = readLabels(call.body) ?? set.labels;
  return ok({ rrset: present(zone, set) });
}

function remove(call: Call, zone: Zone, set: RecordSet): Reply {
  return change(call, zone, set, "delete_rrset", () => { zone.rrsets = zone.rrsets.filter((item) => item !== set); });
}

/** An empty set vanishes, as documented. */
function removeRecords(call: Call, zone: Zone, set: RecordSet): Reply {
  const values = readRecords(call.body, set).map((item) => item.value);
  const records = set.records.filter((item) => !values.includes(item.value));
  return change(call, zone, set, "remove_rrset_records", () => {
    set.records = records;
    if (records.length === 0) zone.rrsets = zone.rrsets.filter((item) => item !== set);
  });
}

function change(call: Call, zone: Zone, set: RecordSet, command: string, run: () => void): Reply {
  if (set.protection.change) throw apiError("protected", `record set ${set.name} ${set.type} of zone '${zone.name}' is protected against changes`);
  return start(call, zone, command, run);
}

function start(call: Call, zone: Zone, command: string, run: () => void): Reply {
  return act(call, { command, resources: [ref("zone", zone)], run });
}

function withSet(call: Call, handler: SetHandler): Reply {
  const zone = requireZone(call);
  const { name, type } = call.params;
  const set = zone.rrsets.find((item) => item.name === name && item.type === type);
  if (set === undefined) throw notFound("rrset", `${name}/${type}`);
  return handler(call, zone, set);
}

function requireZone(call: Call): Zone {
  const key = call.params.zone;
  const zone = call.project.all("zones").find((item) => String(item.id) === key || item.name === key);
  if (zone === undefined) throw notFound("zone", key);
  return zone;
}

function readTtl(body: Json): number | null {
  const ttl = optionalInteger(body, "ttl");
  return ttl === undefined ? null : checkTtl(ttl);
}

function readRecords(body: Json, set: { type: string }): Records {
  const records = objectList(body, "records").map((item) => {
    const comment = optionalText(item, "comment");
    const value = checkValue(set.type, requireText(item, "value"));
    return comment === undefined ? { value } : { value, comment };
  });
  if (records.length === 0) throw invalidInput("records", "must not be empty");
  if (set.type === "CNAME" && records.length > 1) throw invalidInput("records", "a CNAME has exactly one record");
  assertDistinct(records);
  return records;
}

function checkValue(type: string, value: string): string {
  if (type === "A" && isIP(value) !== 4) throw invalidInput("records", `'${value}' is not an IPv4 address`);
  if (type === "AAAA" && isIP(value) !== 6) throw invalidInput("records", `'${value}' is not an IPv6 address`);
  if (type === "TXT" && !/^"/.test(value)) throw invalidInput("records", "TXT values must be in double quotes");
  return value;
}

function assertDistinct(records: Records): void {
  const values = records.map((item) => item.value);
  if (new Set(values).size < values.length) throw invalidInput("records", "values must differ");
}

function assertNoCnameClash(zone: Zone, name: string, type: string): void {
  const others = zone.rrsets.filter((item) => item.name === name);
  const clashes = type === "CNAME" ? others.length > 0 : others.some((item) => item.type === "CNAME");
  if (clashes) throw invalidInput("type", `a CNAME can't stand beside other records of '${name}'`);
}
