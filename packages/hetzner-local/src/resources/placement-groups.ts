/** Placement groups of type spread: at most ten servers, each on another physical host. */
import { apiError } from "../errors";
import { requireOneOf, requireText } from "../input";
import type { Json, PlacementGroup } from "../model";
import type { Project } from "../project";
import { created, GONE, newEntity, registerResource, type Call, type Reply, type ResourceKind, type Routes } from "./shared";

/** @see https://docs.hetzner.com/cloud/placement-groups/overview/ */
const MAX_SERVERS = 10;

const KIND: ResourceKind<"placement_groups"> = {
  path: "placement_groups",
  singular: "placement_group",
  present: (call, group) => presentPlacementGroup(call.project, group),
  create,
  remove,
  filters: { type: (_call, group, type) => group.type === type },
};

export function registerPlacementGroups(routes: Routes): void {
  registerResource(routes, KIND);
}

/** The group in wire format: servers carry it too. */
export function presentPlacementGroup(project: Project, group: PlacementGroup): Json {
  const { id, name, labels, created: createdAt, type } = group;
  return { id, name, labels, created: createdAt, type, servers: members(project, group) };
}

/** Refuses one server too many. */
export function assertRoom(project: Project, group: PlacementGroup): void {
  if (members(project, group).length < MAX_SERVERS) return;
  throw apiError("placement_error", `placement group '${group.name}' has ${MAX_SERVERS} servers already`);
}

function create(call: Call): Reply {
  const type = requireOneOf(call.body, "type", ["spread"]);
  const group = call.project.add("placement_groups", { ...newEntity(call, KIND, requireText(call.body, "name")), type });
  return created({ placement_group: presentPlacementGroup(call.project, group), action: null });
}

function remove(call: Call, group: PlacementGroup): Reply {
  const count = members(call.project, group).length;
  if (count > 0) throw apiError("resource_in_use", `placement group '${group.name}' has ${count} servers`);
  call.project.remove("placement_groups", group.id);
  return GONE;
}

function members(project: Project, group: PlacementGroup): number[] {
  return project.all("servers").filter((server) => server.placementGroup === group.id).map((server) => server.id);
}
