import { LOCATION_NAMES, LOCATIONS } from "./catalog";
import { ROLE_NAMES } from "./roles";
import type { Environment, PerLocation, Pool } from "./environment";
import type { Role } from "./roles";
import type { Counts, Draft, DraftPool } from "./rules/draft";

/** Turns a draft without problems into an environment. Only called when no rule objects: nothing is checked here. */
export function build(draft: Draft): Environment {
  return deepFreeze({
    name: draft.name,
    domain: draft.domain,
    adminCidrs: draft.adminCidrs.map((entry) => entry.value),
    protected: draft.protected,
    dataCenters: draft.dataCenters.map(({ location, state, generation }) => ({
      location,
      number: LOCATIONS[location].number,
      state,
      generation,
    })),
    pools: Object.fromEntries(ROLE_NAMES.map((role) => [role, buildPool(draft.pools[role])])) as Record<Role, Pool>,
    network: { ...draft.network },
    certificateAuthority: { signing: draft.certificateAuthority.signing, trusted: [...draft.certificateAuthority.trusted] },
    diskKey: buildDiskKey(draft.diskKey),
    backend: { ...draft.backend, keyPrefix: draft.backend.keyPrefix ?? draft.name },
    image: draft.image,
    gate: { ...draft.gate },
  });
}

function buildDiskKey({ generation, acceptPrevious }: Draft["diskKey"]): Environment["diskKey"] {
  return { generation, accepted: acceptPrevious ? [generation - 1, generation] : [generation] };
}

function buildPool(pool: DraftPool): Pool {
  return {
    role: pool.role,
    serverTypes: pool.serverTypes.map((type) => type.name),
    count: perLocation(pool.count),
    capacity: perLocation(pool.capacity),
    volumes: pool.volumes.map(({ name, sizeGb, mirrored }) => ({ name, sizeGb, mirrored })),
    placementGroupSize: pool.placementGroupSize,
  };
}

function perLocation(counts: Counts): PerLocation {
  return Object.fromEntries(LOCATION_NAMES.map((location) => [location, counts[location] ?? 0])) as PerLocation;
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === "object" && part !== null) {
      deepFreeze(part);
    }
  }
  return Object.freeze(value);
}
