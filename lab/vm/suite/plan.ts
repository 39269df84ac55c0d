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

/** Checks that belong together. */
export interface Group {
  readonly name: string;
  readonly checks: readonly Check[];
}

/** What machines boot, by the names that `image.sh` gives them. */
export const IMAGES = ["plain", "hc-utils", "prepared"] as const;
export type Image = (typeof IMAGES)[number];

/** What one run does with machines of its own. */
export interface RunPlan {
  readonly name: string;
  readonly groups: readonly Group[];
  readonly description: EnvironmentInput;
  readonly image: Image;
  /** Processors of a machine: two where a mirror is filled, which takes all of one. */
  readonly cpus: number;
}

/** How often power is cut in a full run, and in a quick one whose turn it is. */
const POWER_CUTS = { full: 12, quick: 4 };

const FIRST_BOOT: Group = { name: "first boot", checks: [...bootChecks, ...kernelChecks] };
const VOLUMES: Group = { name: "volumes", checks: volumeChecks };
const DOCKER: Group = { name: "docker", checks: dockerChecks };
const MESH: Group = { name: "mesh", checks: meshChecks };
const FIREWALL: Group = { name: "firewall", checks: firewallChecks };
const REBOOT: Group = { name: "reboot", checks: rebootChecks };

/** Whatever can be seen of machines that have just booted. */
const AT_REST: readonly Group[] = [FIRST_BOOT, VOLUMES, DOCKER, MESH, FIREWALL, REBOOT];

/** On machines whose databases find their packages in the image: only first boots are about their download. */
const PREPARED = { description: PLAIN, image: "prepared", cpus: 1 } as const;

/** What quick runs take turns in: each is done in a quarter of an hour on two processors. */
function turns(seed: number, powerCuts: number): readonly RunPlan[] {
  const turn = (name: string, ...checks: readonly (readonly Check[])[]): RunPlan => {
    return { ...PREPARED, name, groups: [FIRST_BOOT, { name, checks: checks.flat() }] };
  };
  return [
    { ...PREPARED, name: "at rest", image: "plain", groups: [FIRST_BOOT, VOLUMES, DOCKER, REBOOT] },
    { ...turn("mirror", mirrorChecks), description: MIRRORED, cpus: 2 },
    { ...PREPARED, name: "network", image: "hc-utils", groups: [FIRST_BOOT, MESH, FIREWALL] },
    turn("growth and leaving", growthChecks, detachChecks, leaveChecks),
    { ...turn("speed", speedChecks), image: "plain" },
    turn("keys", keyChecks),
    turn("power cuts", powerCutChecks(seed, powerCuts)),
    turn("faults", faultChecks),
    { ...turn("rolling change", rollingChecks), description: DATABASES_ONLY },
    turn("first boot faults", firstBootFaultChecks),
    { ...turn("broken change", brokenChangeChecks), description: DATABASES_ONLY },
    turn("lost data center", lostChecks),
  ];
}

/** The turn of some number, and the names of those that it leaves to others. */
export function quickPlan(turn: number, seed: number): { readonly plan: RunPlan; readonly left: readonly string[] } {
  const all = turns(seed, POWER_CUTS.quick);
  const plan = all[turn % all.length];
  return { plan, left: all.map(({ name }) => name).filter((name) => name !== plan.name) };
}

/** Everything, each with machines of its own: what one run breaks hides nothing that another would have shown. */
export function fullPlans(seed: number): readonly RunPlan[] {
  const everyRole = { description: EVERY_ROLE, cpus: 1, groups: AT_REST };
  return [
    ...turns(seed, POWER_CUTS.full),
    { ...everyRole, name: "every role", image: "plain" },
    { ...everyRole, name: "every role with hc-utils", image: "hc-utils" },
  ];
}
