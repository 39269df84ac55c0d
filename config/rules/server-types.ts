import { findServerType, SERVER_TYPES } from "../catalog";
import { ROLE_NAMES } from "../roles";
import { nearest } from "./nearest";
import { quote } from "./rule";
import type { LocationName, ServerTypeFacts } from "../catalog";
import type { Problem } from "../errors";
import type { Draft, DraftPool } from "./draft";

/** One entry of a pool's list that the catalog knows. */
interface Known {
  readonly name: string;
  readonly facts: ServerTypeFacts;
}

/** Server types: whether they exist, are sold where they are wanted, and go together. */
export function serverTypes(draft: Draft): readonly Problem[] {
  const locations = draft.dataCenters.map(({ location }) => location);
  return ROLE_NAMES.flatMap((role) => {
    const pool = draft.pools[role];
    return [...entries(pool, locations), ...repeated(pool), ...architectures(pool), ...unserved(pool, locations)];
  });
}

/** The types that are sold in at least one of the locations, in the catalog's order; all that are sold at all if there are no locations. */
function sold(locations: readonly LocationName[]): readonly string[] {
  return Object.keys(SERVER_TYPES).filter((name) => {
    const soldIn = SERVER_TYPES[name]?.soldIn ?? [];
    return locations.length === 0 ? soldIn.length > 0 : soldIn.some((location) => locations.includes(location));
  });
}

function entries(pool: DraftPool, locations: readonly LocationName[]): readonly Problem[] {
  const choice = sold(locations);
  return pool.serverTypes.flatMap(({ name, path }) => {
    if (name === "" || choice.includes(name)) {
      return [];
    }
    const facts = findServerType(name);
    const allowed = choice.join(", ");
    if (facts === undefined) {
      const meant = nearest(name, choice);
      return [{ path, got: `${quote(name)}, an unknown type`, allowed, fix: meant === undefined ? "choose one of them" : `did you mean ${quote(meant)}` }];
    }
    const better = successor(facts, name, choice);
    const why = facts.retired === undefined ? `sold in ${facts.soldIn.join(", ")} only` : `retired on ${facts.retired}`;
    return [{ path, got: `${quote(name)}, ${why}`, allowed, fix: better === undefined ? "choose one of them" : `use ${quote(better)}` }];
  });
}

/** The smallest type that is as large, of the same line if there is one, else of any with the same processors. */
function successor(facts: ServerTypeFacts, name: string, choice: readonly string[]): string | undefined {
  const line = name.replace(/\d+$/, "");
  const fitting = known(choice).filter(
    ({ facts: other }) =>
      other.architecture === facts.architecture && other.cpu === facts.cpu && other.cores >= facts.cores && other.memoryGb >= facts.memoryGb,
  );
  const rank = (entry: Known): number => (entry.name.replace(/\d+$/, "") === line ? 0 : 1) * 1e6 + entry.facts.memoryGb * 1e3 + entry.facts.cores;
  return [...fitting].sort((left, right) => rank(left) - rank(right))[0]?.name;
}

function repeated({ serverTypes: list }: DraftPool): readonly Problem[] {
  return list
    .filter(({ name }, index) => name !== "" && list.slice(0, index).some((earlier) => earlier.name === name))
    .map(({ name, path }) => ({ path, got: `${quote(name)} a second time`, allowed: "each type once", fix: "remove it" }));
}

/** Images and packages are of one architecture, so a fallback of another would be another machine. */
function architectures({ serverTypes: list, path }: DraftPool): readonly Problem[] {
  const all = known(list.map(({ name }) => name));
  if (new Set(all.map(({ facts }) => facts.architecture)).size <= 1) {
    return [];
  }
  const got = all.map(({ name, facts }) => `${quote(name)} (${facts.architecture})`).join(", ");
  const fix = `keep those of ${all[0]?.facts.architecture}`;
  return [{ path: `${path}.fallbacks`, got, allowed: "types of one architecture in a pool", fix }];
}

/** Locations where none of the list is sold. Says nothing if a type was reported already: its successor may be sold there. */
function unserved({ serverTypes: list, path, capacity }: DraftPool, locations: readonly LocationName[]): readonly Problem[] {
  const choice = sold(locations);
  if (list.some(({ name }) => !choice.includes(name))) {
    return [];
  }
  return locations
    .filter((location) => (capacity[location] ?? 0) > 0)
    .filter((location) => !list.some(({ name }) => findServerType(name)?.soldIn.includes(location)))
    .map((location) => ({
      path: `${path}.serverType`,
      got: `${list.map(({ name }) => quote(name)).join(", ")}, not sold in ${location}`,
      allowed: "at least one type that is sold, for every data center with slots",
      fix: `add a fallback: ${sold([location]).join(", ")}`,
    }));
}

function known(names: readonly string[]): readonly Known[] {
  return names.flatMap((name) => {
    const facts = findServerType(name);
    return facts === undefined ? [] : [{ name, facts }];
  });
}
