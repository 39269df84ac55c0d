import { LIMITS } from "../catalog";
import { ROLE_NAMES, ROLES } from "../roles";
import { sum } from "./sum";
import type { Problem } from "../errors";
import type { Draft, DraftPool } from "./draft";
import type { Role } from "../roles";

/**
 * Roles that are nothing without their volume. A Kubernetes server can live without one: it then comes back without its
 * images and snapshots, and copies the cluster's state from the others as it does in any case.
 */
const NEEDS_VOLUME: readonly Role[] = ["postgres", "backup"];

/** Whether volumes are where data is, and only there. */
export function volumeRoles({ pools }: Draft): readonly Problem[] {
  return ROLE_NAMES.flatMap((role) => [...onStateless(pools[role]), ...missing(pools[role])]);
}

/** Whether Hetzner lets a machine have that many. */
export function volumesPerServer({ pools }: Draft): readonly Problem[] {
  return ROLE_NAMES.flatMap((role) => {
    const { path, volumes } = pools[role];
    const count = sum(volumes.map((volume) => (volume.mirrored ? 2 : 1)));
    if (count <= LIMITS.volumesPerServer) {
      return [];
    }
    const allowed = `at most ${LIMITS.volumesPerServer}, a mirrored one counting twice`;
    const fix = `remove ${count - LIMITS.volumesPerServer}, or use fewer and larger ones`;
    return [{ path: `${path}.volumes`, got: `${count} volumes on a machine`, allowed, fix }];
  });
}

function onStateless({ role, path, volumes }: DraftPool): readonly Problem[] {
  if (ROLES[role].stateful || volumes.length === 0) {
    return [];
  }
  const stateful = ROLE_NAMES.filter((name) => ROLES[name].stateful).join(", ");
  const got = `${volumes.length} ${volumes.length === 1 ? "volume" : "volumes"} on a stateless role`;
  return [{ path: `${path}.volumes`, got, allowed: `volumes on ${stateful}`, fix: "remove them, this role's machines are replaced without care for data" }];
}

function missing({ role, path, volumes, capacity, volumesUnread }: DraftPool): readonly Problem[] {
  const used = Object.values(capacity).some((slots) => slots > 0);
  if (!NEEDS_VOLUME.includes(role) || !used || volumes.length > 0 || volumesUnread) {
    return [];
  }
  const fix = 'add one, like { name: "data", sizeGb: 10 }';
  return [{ path: `${path}.volumes`, got: "none", allowed: "at least one volume, the root disk is lost with the machine", fix }];
}
