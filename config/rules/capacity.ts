import { LIMITS } from "../catalog";
import { blockSize, ROLE_NAMES } from "../roles";
import { sum } from "./sum";
import type { LocationName } from "../catalog";
import type { Problem } from "../errors";
import type { Draft, DraftPool } from "./draft";

/** Whether every machine has a slot. */
export function countsWithinCapacity(draft: Draft): readonly Problem[] {
  return pools(draft).flatMap((pool) => {
    const over = locations(draft).filter((location) => at(pool.count, location) > at(pool.capacity, location));
    return group(over, (location) => `${at(pool.count, location)}/${at(pool.capacity, location)}`).map((places) => ({
      path: `${pool.path}.count`,
      got: `${at(pool.count, places[0])} in ${places.join(", ")}`,
      allowed: `at most the capacity, ${at(pool.capacity, places[0])}`,
      fix: "raise the capacity, which replaces every machine, or lower the count",
    }));
  });
}

/** Whether the slots fit into the role's block of addresses. */
export function addressBlocks(draft: Draft): readonly Problem[] {
  return pools(draft).flatMap((pool) => {
    const size = blockSize(pool.role);
    const over = locations(draft).filter((location) => at(pool.capacity, location) > size);
    return group(over, (location) => String(at(pool.capacity, location))).map((places) => ({
      path: `${pool.path}.${pool.capacityGiven ? "capacity" : "count"}`,
      got: `${at(pool.capacity, places[0])} in ${places.join(", ")}`,
      allowed: `at most ${size}, the addresses of the role in a data center`,
      fix: `lower it to ${size} or less`,
    }));
  });
}

/** Whether Hetzner lets all slots and load balancers into one network. Slots count, not machines: they may all fill up. */
export function attachments(draft: Draft): readonly Problem[] {
  const balancers = draft.dataCenters.length;
  const count = slotCount(draft);
  if (!(count + balancers > LIMITS.attachmentsPerNetwork)) {
    return [];
  }
  return [
    {
      path: "pools",
      got: `${count + balancers} attachments to the network, ${count} slots and ${balancers} load balancers`,
      allowed: `at most ${LIMITS.attachmentsPerNetwork}`,
      fix: `lower capacities by ${count + balancers - LIMITS.attachmentsPerNetwork} in all`,
    },
  ];
}

/** Whether Hetzner lets a project have that many placement groups. */
export function placementGroupCount(draft: Draft): readonly Problem[] {
  const groups = sum(
    pools(draft).flatMap((pool) => locations(draft).map((location) => Math.ceil(at(pool.capacity, location) / pool.placementGroupSize))),
  );
  if (!(groups > LIMITS.placementGroupsPerProject)) {
    return [];
  }
  const allowed = `at most ${LIMITS.placementGroupsPerProject} in a project`;
  return [{ path: "pools", got: `${groups} placement groups`, allowed, fix: "raise placementGroupSize, or lower capacities" }];
}

function slotCount(draft: Draft): number {
  return sum(pools(draft).flatMap((pool) => locations(draft).map((location) => at(pool.capacity, location))));
}

function pools(draft: Draft): readonly DraftPool[] {
  return ROLE_NAMES.map((role) => draft.pools[role]);
}

function locations(draft: Draft): readonly LocationName[] {
  return draft.dataCenters.map(({ location }) => location);
}

function at(counts: DraftPool["count"], location: LocationName | undefined): number {
  return location === undefined ? 0 : (counts[location] ?? 0);
}

/** Locations with the same numbers together, so that one mistake is one problem. */
function group(places: readonly LocationName[], key: (location: LocationName) => string): LocationName[][] {
  const groups = new Map<string, LocationName[]>();
  for (const place of places) {
    groups.set(key(place), [...(groups.get(key(place)) ?? []), place]);
  }
  return [...groups.values()];
}
