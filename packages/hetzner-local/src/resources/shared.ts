/** What all kinds of records have in common: the routes, the lists, the names, the protection. Written once. */
import { apiError, invalidInput, notFound } from "../errors";
import { isObject, optionalBoolean, optionalText } from "../input";
import { parseSelector, readLabels } from "../labels";
import type { Action, Entity, Json, Kind, Labels, Ref, Tables } from "../model";
import type { Plan } from "../actions";
import type { Project } from "../project";
import type { World } from "../world";

/** A request after authentication and parsing. */
export interface Call {
  readonly world: World;
  readonly project: Project;
  readonly params: Readonly<Record<string, string>>;
  /** Each parameter with all its values. */
  readonly query: Readonly<Record<string, readonly string[]>>;
  readonly body: Json;
}

export interface Reply {
  readonly status: number;
  readonly body?: Json;
}

export type Handler = (call: Call) => Reply | Promise<Reply>;

/** Takes routes; paths are relative to `/v1`. */
export interface Routes {
  add(method: "GET" | "POST" | "PUT" | "DELETE", path: string, handler: Handler): void;
}

export type EntityHandler<E> = (call: Call, entity: E) => Reply | Promise<Reply>;

/** What differs between the kinds. */
export interface ResourceKind<K extends Kind> {
  readonly path: K;
  /** The name of one, as key in answers and as type in actions. */
  readonly singular: string;
  /** The record in wire format. */
  readonly present: (call: Call, entity: Tables[K]) => Json;
  readonly create: Handler;
  readonly remove: EntityHandler<Tables[K]>;
  /** Refuses names that this kind does not accept. @default 1–64 characters */
  readonly checkName?: (name: string) => void;
  /** Takes over further fields of a PUT. @default only name and labels */
  readonly update?: (call: Call, entity: Tables[K]) => void;
  /** Called after a PUT that changed something. @default nothing follows */
  readonly updated?: (call: Call, entity: Tables[K]) => void;
  /** Query parameters that select, beside `name` and `label_selector`. @default none */
  readonly filters?: Readonly<Record<string, (call: Call, entity: Tables[K], value: string) => boolean>>;
  /** `POST …/actions/<name>`. @default none */
  readonly actions?: Readonly<Record<string, EntityHandler<Tables[K]>>>;
  /** Whether paths may name the record instead of giving its id. @default false */
  readonly isFoundByName?: boolean;
}

/** Registers every route of a kind. */
export function registerResource<K extends Kind>(routes: Routes, kind: ResourceKind<K>): void {
  const one = `/${kind.path}/:id`;
  const present = (call: Call, entity: Tables[K]): Json => ({ [kind.singular]: kind.present(call, entity) });
  routes.add("GET", `/${kind.path}`, (call) => listAnswer(call, kind.path, select(call, kind).map((item) => kind.present(call, item))));
  routes.add("POST", `/${kind.path}`, kind.create);
  routes.add("GET", one, (call) => ok(present(call, find(call, kind))));
  routes.add("PUT", one, (call) => {
    const entity = find(call, kind);
    applyUpdate(call, kind, entity);
    kind.updated?.(call, entity);
    return ok(present(call, entity));
  });
  routes.add("DELETE", one, (call) => kind.remove(call, find(call, kind)));
  for (const [name, handle] of Object.entries(kind.actions ?? {}) as [string, EntityHandler<Tables[K]>][]) {
    routes.add("POST", `${one}/actions/${name}`, (call) => handle(call, find(call, kind)));
  }
  registerActionLists(routes, kind, one);
}

function registerActionLists<K extends Kind>(routes: Routes, kind: ResourceKind<K>, one: string): void {
  const isOfKind = (action: Action, id?: number): boolean =>
    action.resources.some((ref) => ref.type === kind.singular && (id === undefined || ref.id === id));
  const single = (call: Call, id?: number): Reply => ok({ action: findAction(call, (action) => isOfKind(action, id)) });
  routes.add("GET", `/${kind.path}/actions`, (call) => actionList(call, (action) => isOfKind(action)));
  routes.add("GET", `/${kind.path}/actions/:action`, (call) => single(call));
  routes.add("GET", `${one}/actions`, (call) => actionList(call, (action) => isOfKind(action, find(call, kind).id)));
  routes.add("GET", `${one}/actions/:action`, (call) => single(call, find(call, kind).id));
}

/** The actions that a test and the query (`id`, `status`) select. */
export function actionList(call: Call, selects: (action: Action) => boolean): Reply {
  const { id, status } = call.query;
  const found = [...call.project.actions.values()].filter((action) =>
    selects(action) && (id?.includes(String(action.id)) ?? true) && (status?.includes(action.status) ?? true));
  return listAnswer(call, "actions", found as unknown as Json[]);
}

/** The action of the path, if the test allows it. */
export function findAction(call: Call, selects: (action: Action) => boolean): Action {
  const action = call.project.actions.get(Number(call.params.action));
  if (action === undefined || !selects(action)) throw notFound("action", call.params.action);
  return action;
}

/** One page of a list with the documented meta data: `page` from 1, `per_page` 1–50, default 25. */
export function listAnswer(call: Call, key: string, items: readonly Json[]): Reply {
  const page = pageNumber(call, "page", 1, Number.MAX_SAFE_INTEGER);
  const perPage = pageNumber(call, "per_page", 25, 50);
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const pagination = {
    page,
    per_page: perPage,
    previous_page: page > 1 ? page - 1 : null,
    next_page: page < last ? page + 1 : null,
    last_page: last,
    total_entries: items.length,
  };
  return ok({ [key]: sorted(call, items).slice((page - 1) * perPage, page * perPage), meta: { pagination } });
}

export function ok(body: Json): Reply {
  return { status: 200, body };
}

export function created(body: Json): Reply {
  return { status: 201, body };
}

/** The answer to a deletion that needs no action. */
export const GONE: Reply = { status: 204 };

/** Starts an action and answers with it. */
export function act(call: Call, plan: Plan): Reply {
  return created({ action: call.world.actions.start(call.project, plan) });
}

/** The fields that every new record begins with; checks name, uniqueness and labels. */
export function newEntity<K extends Kind>(call: Call, kind: Pick<ResourceKind<K>, "path" | "checkName">, name: string): Entity {
  checkName(call, kind, name);
  const labels = readLabels(call.body) ?? {};
  return { id: call.world.state.nextId(), name, labels, created: new Date().toISOString() };
}

/** A record that another one refers to in a field of the body. */
export function referenced<K extends Kind>(call: Call, path: K, id: number): Tables[K] {
  const found = call.project.get(path, id);
  if (found === undefined) throw notFound(path.replace(/s$/, "").replace("_", " "), id);
  return found;
}

/** Refuses what delete protection forbids. */
export function assertUnprotected(singular: string, entity: Entity & { protection: { delete: boolean } }): void {
  if (entity.protection.delete) throw apiError("protected", `${singular} '${entity.name}' is protected against deletion`);
}

/** The action `change_protection` of kinds that protect against deletion only. */
export function changeProtection<E extends Entity & { protection: { delete: boolean } }>(type: string): EntityHandler<E> {
  return (call, entity) => {
    const isProtected = optionalBoolean(call.body, "delete") ?? entity.protection.delete;
    return act(call, {
      command: "change_protection",
      resources: [ref(type, entity)],
      run: () => { entity.protection.delete = isProtected; },
    });
  };
}

export function ref(type: string, entity: Entity): Ref {
  return { id: entity.id, type };
}

/** One value of a query parameter. */
export function queryValue(call: Call, name: string): string | undefined {
  const value = call.query[name]?.[0];
  return value === "" ? undefined : value;
}

function find<K extends Kind>(call: Call, kind: ResourceKind<K>): Tables[K] {
  const key = call.params.id;
  const byId = /^\d+$/.test(key) ? call.project.get(kind.path, Number(key)) : undefined;
  const found = byId ?? (kind.isFoundByName === true ? call.project.all(kind.path).find((item) => item.name === key) : undefined);
  if (found === undefined) throw notFound(kind.singular.replace("_", " "), key);
  return found;
}

function select<K extends Kind>(call: Call, kind: ResourceKind<K>): Tables[K][] {
  const name = queryValue(call, "name");
  const hasLabels = parseSelector(queryValue(call, "label_selector") ?? "");
  const active = Object.entries(kind.filters ?? {}).filter(([parameter]) => call.query[parameter] !== undefined);
  return call.project.all(kind.path).filter((item) =>
    (name === undefined || item.name === name)
    && hasLabels(item.labels)
    && active.every(([parameter, filter]) => call.query[parameter].some((value) => filter(call, item, value))));
}

function applyUpdate<K extends Kind>(call: Call, kind: ResourceKind<K>, entity: Tables[K]): void {
  const name = optionalText(call.body, "name");
  const labels: Labels | undefined = readLabels(call.body);
  if (name !== undefined && name !== "" && name !== entity.name) checkName(call, kind, name);
  kind.update?.(call, entity);
  if (name !== undefined && name !== "") entity.name = name;
  if (labels !== undefined) entity.labels = labels;
}

function checkName<K extends Kind>(call: Call, kind: Pick<ResourceKind<K>, "path" | "checkName">, name: string): void {
  if (name.length > 64 && kind.checkName === undefined) throw invalidInput("name", "must have at most 64 characters");
  kind.checkName?.(name);
  if (call.project.all(kind.path).some((item) => item.name === name)) {
    throw apiError("uniqueness_error", `name '${name}' is already used in ${kind.path}`, { fields: [{ name: "name" }] });
  }
}

function pageNumber(call: Call, parameter: string, fallback: number, max: number): number {
  const text = queryValue(call, parameter);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max) throw invalidInput(parameter, `must be a whole number from 1 to ${max}`);
  return value;
}

/** `sort=<field>[:asc|:desc]`, several in order of weight. */
function sorted(call: Call, items: readonly Json[]): readonly Json[] {
  const keys = (call.query.sort ?? []).filter((text) => text !== "").map((text) => text.split(":"));
  return keys.length === 0 ? items : [...items].sort((a, b) => compare(a, b, keys));
}

function compare(a: Json, b: Json, keys: readonly string[][]): number {
  for (const [field, direction] of keys) {
    const [x, y] = [a[field], b[field]];
    if (isObject(x) || x === y) continue;
    return (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y))) * (direction === "desc" ? -1 : 1);
  }
  return 0;
}
