import { LIMITS } from "../catalog";
import { ROLE_NAMES, ROLES } from "../roles";
import { quote } from "./rule";
import type { Problem } from "../errors";
import type { Draft, DraftPool, DraftVolume } from "./draft";

/**
 * Characters of an environment's name. With it the longest server and placement group names have 46 characters, well
 * under the 63 of a DNS label, so those need no rule; a volume's name has no limit of its own and does.
 */
const NAME_LENGTH = 20;

/** Names become host names and labels. They begin with a letter, or tools read them as numbers. */
const NAME = /^[a-z]([a-z0-9-]*[a-z0-9])?$/;

const DOMAIN_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** A domain name has 253 characters at most (RFC 1035, without the dot at the end). */
const DOMAIN_LENGTH = 253;

/** The environment's name. */
export function nameGrammar({ name }: Draft): readonly Problem[] {
  if (name === "" || (NAME.test(name) && name.length <= NAME_LENGTH)) {
    return [];
  }
  const allowed = `1 to ${NAME_LENGTH} lower case letters, digits and hyphens, a letter first and no hyphen last`;
  return [{ path: "name", got: quote(name), allowed, fix: nameFix(name, NAME_LENGTH) }];
}

/** The domain. */
export function domainGrammar({ domain }: Draft): readonly Problem[] {
  const labels = domain.split(".");
  const last = labels.at(-1) ?? "";
  const good =
    labels.length > 1 && labels.every((label) => DOMAIN_LABEL.test(label)) && /[a-z]/.test(last) && domain.length <= DOMAIN_LENGTH;
  if (domain === "" || good) {
    return [];
  }
  return [{ path: "domain", got: quote(domain), allowed: 'a domain name in lower case, like "dev.example.com"', fix: domainFix(domain) }];
}

/** Names of volumes: their grammar, and whether they are unique and short enough behind the name of their slot. */
export function volumeNames(draft: Draft): readonly Problem[] {
  return ROLE_NAMES.flatMap((role) => {
    const pool = draft.pools[role];
    return pool.volumes.flatMap((volume, index) => [
      ...volumeGrammar(volume),
      ...volumeUnique(volume, pool.volumes.slice(0, index)),
      ...volumeLength(draft, pool, volume),
    ]);
  });
}

function volumeGrammar({ name, path }: DraftVolume): readonly Problem[] {
  if (name === "" || NAME.test(name)) {
    return [];
  }
  const allowed = "lower case letters, digits and hyphens, a letter first and no hyphen last";
  return [{ path: `${path}.name`, got: quote(name), allowed, fix: nameFix(name, Infinity) }];
}

function volumeUnique(volume: DraftVolume, earlier: readonly DraftVolume[]): readonly Problem[] {
  const taken = earlier.flatMap(volumeSuffixes);
  const clash = volumeSuffixes(volume).find((name) => taken.includes(name));
  if (clash === undefined) {
    return [];
  }
  const got = clash === volume.name ? `${quote(volume.name)} a second time` : `${quote(volume.name)}, which makes ${quote(clash)} a second time`;
  const allowed = "a name that no other volume of the pool has, halves of mirrored ones included";
  return [{ path: `${volume.path}.name`, got, allowed, fix: "choose another name" }];
}

/** What comes behind the name of the slot: two names if mirrored. */
function volumeSuffixes({ name, mirrored }: DraftVolume): readonly string[] {
  if (name === "") {
    return [];
  }
  return mirrored ? [`${name}-a`, `${name}-b`] : [name];
}

function volumeLength(draft: Draft, pool: DraftPool, volume: DraftVolume): readonly Problem[] {
  const names = draft.dataCenters
    .filter(({ location }) => (pool.capacity[location] ?? 0) > 0)
    .flatMap(({ location }) =>
      volumeSuffixes(volume).map((suffix) => `${draft.name}-${location}-${ROLES[pool.role].slug}-${pool.capacity[location]}-${suffix}`),
    );
  const longest = names.reduce((left, right) => (right.length > left.length ? right : left), "");
  const excess = longest.length - LIMITS.nameLength;
  if (excess <= 0) {
    return [];
  }
  const got = `${quote(volume.name)}, which makes a name of ${longest.length} characters`;
  const allowed = `names of at most ${LIMITS.nameLength} characters with the slot's name in front`;
  return [{ path: `${volume.path}.name`, got, allowed, fix: `shorten it by ${excess}` }];
}

function nameFix(name: string, limit: number): string {
  const better = name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, limit)
    .replace(/-+$/, "");
  return better === "" ? "choose another name" : `write ${quote(better)}`;
}

function domainFix(domain: string): string {
  const bare = domain.toLowerCase().replace(/^[a-z]+:\/\//, "").replace(/[/:].*$/, "").replace(/\.$/, "");
  return bare !== domain && /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(bare) ? `write ${quote(bare)}` : "write a name with a dot in it";
}
