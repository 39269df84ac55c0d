import { ROLE_NAMES, ROLES } from "../roles";
import { FEWEST_DATA_CENTERS } from "./data-centers";
import { sum } from "./sum";
import type { Problem } from "../errors";
import type { Draft, DraftPool } from "./draft";

/** Whether the members of each voting role are an odd number, with a minority in any one data center. */
export function quorums(draft: Draft): readonly Problem[] {
  // With fewer data centers no number is right, and with a misspelt one the sum is wrong: both are reported already.
  if (draft.dataCenters.length < FEWEST_DATA_CENTERS || draft.dataCenters.length !== draft.dataCenterCount) {
    return [];
  }
  return ROLE_NAMES.filter((role) => ROLES[role].quorum).flatMap((role) => [...even(draft.pools[role]), ...concentrated(draft, draft.pools[role])]);
}

/** Whether each data center has a machine that can answer its health gate. */
export function gateHosts({ dataCenters, pools }: Draft): readonly Problem[] {
  const stateful = ROLE_NAMES.filter((role) => ROLES[role].stateful);
  return dataCenters
    .filter(({ location }) => sum(stateful.map((role) => pools[role].count[location] ?? 0)) === 0)
    .map(({ location }) => ({
      path: `dataCenters.${location}`,
      got: "no stateful machine",
      allowed: `at least one of ${stateful.join(", ")}`,
      fix: "add one, it answers the health gate of its data center",
    }));
}

function even({ count, path }: DraftPool): readonly Problem[] {
  const members = sum(Object.values(count));
  if (members === 0 || members % 2 !== 0) {
    return [];
  }
  const allowed = "an odd number of members, or none: one more than an odd number tolerates no more losses";
  return [{ path: `${path}.count`, got: `${members} members`, allowed, fix: "add or remove one" }];
}

/**
 * With an odd number of members and less than half of them in any one data center, they are in three at least: of two, one
 * would have the majority.
 */
function concentrated({ dataCenters }: Draft, { count, path }: DraftPool): readonly Problem[] {
  const members = sum(Object.values(count));
  return dataCenters
    .filter(({ location }) => (count[location] ?? 0) * 2 > members)
    .map(({ location }) => ({
      path: `${path}.count`,
      got: `${count[location]} of ${members} members in ${location}`,
      allowed: "less than half of the members in any one data center, which may vanish",
      fix: "spread them over three data centers",
    }));
}
