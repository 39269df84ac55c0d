import type { EnvironmentInput } from "../../../config/environment";
import { bootChecks, kernelChecks } from "./boot-checks";
import type { Check } from "./check";
import { DATABASES_ONLY, EVERY_ROLE, MIRRORED, PLAIN } from "./description";
import { dockerChecks } from "./docker-checks";
import { faultChecks, firstBootFaultChecks } from "./fault-checks";
import { keyChecks, leaveChecks } from "./leave-checks";
import { firewallChecks, meshChecks } from "./network-checks";
import { powerCutChecks } from "./power-checks";
import { brokenChangeChecks, lostChecks, rollingChecks } from "./rolling-checks";
import { speedChecks } from "./speed-checks";
import { detachChecks, growthChecks, mirrorChecks, rebootChecks, volumeChecks } from "./volume-checks";

/** Checks that belong together and leave the machines as they were. */
export interface Group {
  readonly name: string;
  readonly checks: readonly Check[];
}

/** What machines boot, by the names that `image.sh` gives them. */
export type Image = "plain" | "hc-utils" | "prepared";

/** What a run does. */
export interface RunPlan {
  readonly groups: readonly Group[];
  /** The machines: with mirrored volumes only where something is to be seen of that. */
  readonly description: EnvironmentInput;
  readonly image: Image;
  /** Processors of a machine: two where a mirror is filled, which takes all of one. */
  readonly cpus: number;
  /** Names of the groups that this run leaves to others. */
  readonly left: readonly string[];
}

/** How often power is cut in a full run, and in a quick one whose turn it is. */
const POWER_CUTS = { full: 12, quick: 4 };

const FIRST_BOOT: Group = { name: "first boot", checks: [...bootChecks, ...kernelChecks] };
const VOLUMES: Group = { name: "volumes", checks: volumeChecks };
const DOCKER: Group = { name: "docker", checks: dockerChecks };
const MESH: Group = { name: "mesh", checks: meshChecks };
const FIREWALL: Group = { name: "firewall", checks: firewallChecks };
const REBOOT: Group = { name: "reboot", checks: rebootChecks };
const MIRROR: Group = { name: "mirror", checks: mirrorChecks };
const GROWTH: Group = { name: "growth and detach", checks: [...growthChecks, ...detachChecks] };
const LEAVING: Group = { name: "leaving", checks: leaveChecks };
const KEYS: Group = { name: "keys", checks: keyChecks };
const FAULTS: Group = { name: "faults", checks: faultChecks };
const FIRST_BOOT_FAULTS: Group = { name: "first boot faults", checks: firstBootFaultChecks };
const SPEED: Group = { name: "speed", checks: speedChecks };
const ROLLING: Group = { name: "rolling", checks: rollingChecks };
const BROKEN_CHANGE: Group = { name: "broken change", checks: brokenChangeChecks };
const LOST: Group = { name: "lost data center", checks: lostChecks };

function powerCuts(seed: number, count: number): Group {
  return { name: "power cuts", checks: powerCutChecks(seed, count) };
}

/** Whatever can be seen of machines that have just booted. */
const AT_REST: readonly Group[] = [FIRST_BOOT, VOLUMES, DOCKER, MESH, FIREWALL, REBOOT];

/**
 * The turns that quick runs take: each is done in a quarter of an hour on two processors. In most of them databases find
 * their packages in the image.
 */
function turns(seed: number): readonly (Pick<RunPlan, "groups" | "image"> & Partial<RunPlan>)[] {
  return [
    { image: "plain", groups: [FIRST_BOOT, VOLUMES, DOCKER, REBOOT] },
    { image: "prepared", groups: [FIRST_BOOT, MIRROR] },
    { image: "hc-utils", groups: [FIRST_BOOT, MESH, FIREWALL] },
    { image: "prepared", groups: [FIRST_BOOT, GROWTH, LEAVING] },
    { image: "plain", groups: [FIRST_BOOT, SPEED] },
    { image: "prepared", groups: [FIRST_BOOT, KEYS] },
    { image: "prepared", groups: [FIRST_BOOT, powerCuts(seed, POWER_CUTS.quick)] },
    { image: "prepared", groups: [FIRST_BOOT, FAULTS] },
    { image: "prepared", groups: [FIRST_BOOT, ROLLING], description: DATABASES_ONLY },
    { image: "prepared", groups: [FIRST_BOOT, FIRST_BOOT_FAULTS] },
    { image: "prepared", groups: [FIRST_BOOT, BROKEN_CHANGE], description: DATABASES_ONLY },
    { image: "prepared", groups: [FIRST_BOOT, LOST] },
  ];
}

/** Everything, in an order in which each group leaves machines that the next can use; the last one loses a data center. */
export function fullPlan(seed: number): RunPlan {
  const faults = [FAULTS, FIRST_BOOT_FAULTS, powerCuts(seed, POWER_CUTS.full)];
  const groups = [...AT_REST, MIRROR, GROWTH, LEAVING, KEYS, ...faults, SPEED, ROLLING, BROKEN_CHANGE, LOST];
  return { groups, ...machinesFor(groups), image: "plain", left: [] };
}

/** What can be shown of machines at rest, of every role. */
export function everyRolePlan(): RunPlan {
  return { groups: AT_REST, description: EVERY_ROLE, image: "plain", cpus: 1, left: [] };
}

/** The turn of some number. */
export function quickPlan(turn: number, seed: number): RunPlan {
  const all = turns(seed);
  const chosen = all[turn % all.length];
  const names = chosen.groups.map(({ name }) => name);
  const left = fullPlan(seed).groups.map(({ name }) => name).filter((name) => !names.includes(name));
  return { ...machinesFor(chosen.groups), ...chosen, left };
}

/** Only the groups of some names. */
export function namedPlan(names: readonly string[], seed: number): RunPlan {
  const full = fullPlan(seed);
  const unknown = names.filter((name) => !full.groups.some((group) => group.name === name));
  if (unknown.length > 0) throw new Error(`there is no group '${unknown.join("', '")}'; allowed: ${full.groups.map(({ name }) => name).join(", ")}`);
  const groups = full.groups.filter(({ name }) => names.includes(name));
  return { ...full, groups, ...machinesFor(groups) };
}

function machinesFor(groups: readonly Group[]): Pick<RunPlan, "description" | "cpus"> {
  return groups.includes(MIRROR) ? { description: MIRRORED, cpus: 2 } : { description: PLAIN, cpus: 1 };
}
