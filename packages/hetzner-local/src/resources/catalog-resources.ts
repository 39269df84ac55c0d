/** What can only be read: locations, server types, images, load balancer types, and actions. */
import { IMAGES, LOAD_BALANCER_TYPES, LOCATIONS, locationNamed, type Image, type LoadBalancerType } from "../catalog";
import type { Controls } from "../control";
import { notFound } from "../errors";
import type { Json } from "../model";
import { SERVER_TYPES, type ServerType } from "../server-types";
import { actionList, findAction, listAnswer, ok, queryValue, type Call, type Routes } from "./shared";

interface Catalog {
  readonly path: string;
  readonly singular: string;
  readonly items: (call: Call) => Json[];
  /** Query parameter → field that it is compared with, beside `name`. @default none */
  readonly filters?: Readonly<Record<string, string>>;
}

const CATALOGS: readonly Catalog[] = [
  { path: "locations", singular: "location", items: () => LOCATIONS.map((item) => ({ ...item })) },
  { path: "server_types", singular: "server_type", items: (call) => SERVER_TYPES.map((type) => presentServerType(call.world.controls, type)) },
  { path: "load_balancer_types", singular: "load_balancer_type", items: () => LOAD_BALANCER_TYPES.map(presentLoadBalancerType) },
  {
    path: "images", singular: "image", items: () => IMAGES.map(presentImage),
    filters: { architecture: "architecture", type: "type", status: "status" },
  },
];

export function registerCatalogs(routes: Routes): void {
  for (const catalog of CATALOGS) registerCatalog(routes, catalog);
  routes.add("GET", "/actions", (call) => actionList(call, () => true));
  routes.add("GET", "/actions/:action", (call) => ok({ action: findAction(call, () => true) }));
}

/** The server type in wire format; `available` follows the controls. */
export function presentServerType(controls: Controls, type: ServerType): Json {
  const { id, name, category, cores, memory, disk, cpuType, architecture } = type;
  const deprecation = type.locations.every((item) => item.deprecation !== null) ? type.locations[0].deprecation : null;
  return {
    id, name, description: name.toUpperCase(), category, cores, memory, disk,
    storage_type: "local", cpu_type: cpuType, architecture,
    prices: [], deprecated: deprecation !== null, deprecation,
    locations: type.locations.map((item) => presentTypeLocation(controls, type, item)),
  };
}

/** The load balancer type in wire format. */
export function presentLoadBalancerType(type: LoadBalancerType): Json {
  return { ...type, description: type.name.toUpperCase(), prices: [], deprecated: null, deprecation: null };
}

/** The image in wire format. */
export function presentImage(image: Image): Json {
  const { id, name, description, architecture } = image;
  return {
    id, name, description, architecture, type: "system", status: "available", image_size: null, disk_size: 5,
    created: "2025-08-11T00:00:00Z", created_from: null, bound_to: null, os_flavor: image.flavor, os_version: image.version,
    rapid_deploy: true, protection: { delete: false }, deprecated: null, deleted: null, labels: {},
  };
}

function presentTypeLocation(controls: Controls, type: ServerType, item: ServerType["locations"][number]): Json {
  const available = item.deprecation === null && controls.isServerTypeAvailable(type.name, item.name);
  return { id: locationNamed(item.name).id, name: item.name, deprecation: item.deprecation, available, recommended: available };
}

function registerCatalog(routes: Routes, catalog: Catalog): void {
  routes.add("GET", `/${catalog.path}`, (call) => listAnswer(call, catalog.path, select(call, catalog)));
  routes.add("GET", `/${catalog.path}/:id`, (call) => {
    const found = catalog.items(call).find((item) => String(item.id) === call.params.id);
    if (found === undefined) throw notFound(catalog.singular.replace(/_/g, " "), call.params.id);
    return ok({ [catalog.singular]: found });
  });
}

function select(call: Call, catalog: Catalog): Json[] {
  const name = queryValue(call, "name");
  const filters = Object.entries(catalog.filters ?? {}).filter(([parameter]) => call.query[parameter] !== undefined);
  return catalog.items(call).filter((item) =>
    (name === undefined || item.name === name)
    && filters.every(([parameter, field]) => call.query[parameter].includes(String(item[field]))));
}
