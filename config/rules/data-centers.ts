import { LOCATIONS } from "../catalog";
import type { Problem } from "../errors";
import type { Draft } from "./draft";

/** One may vanish, and the two others still are a majority: that takes three. */
export const FEWEST_DATA_CENTERS = 3;

/** Whether there are at least three data centers. */
export function enoughDataCenters({ dataCenterCount }: Draft): readonly Problem[] {
  if (!(dataCenterCount < FEWEST_DATA_CENTERS)) {
    return [];
  }
  const fix = `describe ${FEWEST_DATA_CENTERS - dataCenterCount} more`;
  return [{ path: "dataCenters", got: `${dataCenterCount} data centers`, allowed: `at least ${FEWEST_DATA_CENTERS}`, fix }];
}

/** Whether one private network can span them all. */
export function oneNetworkZone({ dataCenters }: Draft): readonly Problem[] {
  const zones = new Set(dataCenters.map(({ location }) => LOCATIONS[location].networkZone));
  if (zones.size <= 1) {
    return [];
  }
  const got = dataCenters.map(({ location }) => `${location} (${LOCATIONS[location].networkZone})`).join(", ");
  const fix = "use fsn1, nbg1 and hel1, only eu-central has three locations";
  return [{ path: "dataCenters", got, allowed: "locations of one network zone, which one private network can span", fix }];
}

/** Whether what is left can still form majorities. */
export function lostDataCenters({ dataCenters }: Draft): readonly Problem[] {
  const lost = dataCenters.filter(({ state }) => state === "lost").map(({ location }) => location);
  if (lost.length <= 1) {
    return [];
  }
  const all = lost.length === dataCenters.length;
  const fix = all
    ? "set those that run to active, or destroy the stacks if the environment is to go"
    : "set one of them to active, with two lost nothing has a majority and no deploy can help";
  return [{ path: "dataCenters", got: `${lost.join(", ")} lost`, allowed: "at most one lost data center", fix }];
}
