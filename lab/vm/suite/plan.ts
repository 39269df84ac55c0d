import { bootChecks, kernelChecks } from "./boot-checks";
import type { EnvironmentInput } from "../../../config/environment";
import type { Check } from "./check";
import { EVERY_ROLE, MIRRORED, PLAIN } from "./description";
import { dockerChecks } from "./docker-checks";
import { faultChecks } from "./fault-checks";
import { leaveChecks } from "./leave-checks";
import { firewallChecks, meshChecks } from "./network-checks";
import { powerCutChecks } from "./power-checks";
import { rollingChecks } from "./rolling-checks";
import { speedChecks } from "./speed-checks";
import { detachChecks, growthChecks, mirrorChecks, rebootChecks, volumeChecks } from "./volume-checks";

/** Checks that belong together and leave the machines as they were. */
export interface Group {
  readonly name: string;
  readonly checks: readonly Check[];
}

/** How often power is cut in a full run. */
const ALL_POWER_CUTS = 12;

/** What every run does: on four machines that have just booted for the first time. */
const ALWAYS: readonly Group[] = [
  { name: "first boot", checks: [...bootChecks, ...kernelChecks] },
  { name: "volumes", checks: volumeChecks },
  { name: "docker", checks: dockerChecks },
  { name: "mesh", checks: meshChecks },
  { name: "firewall", checks: firewallChecks },
];

/** What takes turns: one in each quick run. */
const ROTATING: readonly Group[] = [{ name: "reboot", checks: rebootChecks }];

/** What takes too long for a quick run, in an order in which each group leaves machines that the next can use. */
const LONG: readonly Group[] = [
  { name: "mirror", checks: mirrorChecks },
  { name: "growth and detach", checks: [...growthChecks, ...detachChecks] },
  { name: "leaving and keys", checks: leaveChecks },
  { name: "faults", checks: faultChecks },
];

/** What a run does. */
export interface RunPlan {
  readonly groups: readonly Group[];
  /** The machines: with mirrored volumes only where something is to be seen of that. */
  readonly description: EnvironmentInput;
  /** Names of the groups that this run leaves to others. */
  readonly left: readonly string[];
}

function descriptionFor(groups: readonly Group[]): EnvironmentInput {
  return groups.some(({ name }) => name === "mirror") ? MIRRORED : PLAIN;
}

/** Everything. */
export function fullPlan(seed: number): RunPlan {
  const last = [
    { name: "power cuts", checks: powerCutChecks(seed, ALL_POWER_CUTS) },
    { name: "speed", checks: speedChecks },
    // ends with a data center that is lost
    { name: "rolling", checks: rollingChecks },
  ];
  return { groups: [...ALWAYS, ...ROTATING, ...LONG, ...last], description: MIRRORED, left: [] };
}

/** What can be shown of a machine that has booted, on machines of every role. */
export function everyRolePlan(): RunPlan {
  return { groups: [...ALWAYS, ...ROTATING], description: EVERY_ROLE, left: [] };
}

/** What every run does and one group more, so that all have had their turn after a few. */
export function quickPlan(turn: number, seed: number): RunPlan {
  const chosen = ROTATING[turn % ROTATING.length];
  const left = fullPlan(seed).groups.filter((group) => group !== chosen && !ALWAYS.includes(group));
  return { groups: [...ALWAYS, chosen], description: descriptionFor([chosen]), left: left.map(({ name }) => name) };
}

/** Only the groups of some names. */
export function namedPlan(names: readonly string[], seed: number): RunPlan {
  const { groups } = fullPlan(seed);
  const unknown = names.filter((name) => !groups.some((group) => group.name === name));
  if (unknown.length > 0) throw new Error(`there is no group '${unknown.join("', '")}'; allowed: ${groups.map(({ name }) => name).join(", ")}`);
  const chosen = groups.filter(({ name }) => names.includes(name));
  return { groups: chosen, description: descriptionFor(chosen), left: [] };
}
