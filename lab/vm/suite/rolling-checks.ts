import { firstError } from "../../../rehearsal/progress";
import { Check, DATABASES, ensure, ensureEqual, WORKER } from "./check";
import { replaced } from "./description";
import type { World } from "./world";

const [FIRST, SECOND, THIRD] = DATABASES;

/** Attempts of the gate after which a data center counts as failed: a few minutes, where a good one is well in time. */
const FEW_ATTEMPTS = { TF_VAR_gate_attempts: "25" };

export const rollingChecks: readonly Check[] = [{ promise: 10, name: "data centers replaced one after another, at no moment more than one down", run: rolls }];

export const brokenChangeChecks: readonly Check[] = [
  { promise: 10, name: "a change that breaks the boot stops at the first data center; taken back, it is well again", run: stopsAtFirst },
];

export const lostChecks: readonly Check[] = [{ promise: 10, name: "with a data center lost, the others still change", run: changesWithoutLost }];

async function rolls(world: World): Promise<string> {
  const before = DATABASES.map((name) => world.machine(name).id);
  const watch = world.agents.watch(DATABASES);
  world.describe(replaced("fsn1", "nbg1", "hel1"));
  const all = await world.deployment().deployAll();
  const { samples, most } = await watch();
  ensureEqual(all.map(({ outcome }) => outcome).slice(-3), ["applied", "applied", "applied"], `the data centers: ${firstError(all.at(-1)!.output)}`);
  ensure(DATABASES.every((name, index) => world.machine(name).id !== before[index]), "not every machine was replaced");
  ensure(most.length === 1, `down at the same time: ${most.join("; ") || "none, though all were replaced"}`);
  return `${samples} samples, at most ${most.length} of 3 down`;
}

/** A package that Debian does not have, on every host. */
async function stopsAtFirst(world: World): Promise<string> {
  const ids = () => [SECOND, THIRD].map((name) => world.machine(name).id);
  const others = ids();
  const all = await world.deployment((host) => host.addPackage("triplicate-no-such-package")).deployAll(FEW_ATTEMPTS);
  ensureEqual([all.at(-1)?.stack, all.at(-1)?.outcome], ["lab-fsn1", "failed"], `where the chain stopped: ${firstError(all.at(-1)!.output)}`);
  ensureEqual(ids(), others, "the other data centers' machines");
  const { seconds } = await world.deploy("fsn1");
  await world.agents.healthy(FIRST);
  return `fsn1 failed, nbg1 and hel1 untouched; fsn1 well again after ${seconds.toFixed(0)} s`;
}

/** Its machines are off, as far as the others can tell. */
async function changesWithoutLost(world: World): Promise<string> {
  for (const machine of [FIRST, WORKER]) await world.lab.cutPower(machine);
  world.describe((description) => ({
    ...description,
    dataCenters: { ...description.dataCenters, fsn1: { ...description.dataCenters.fsn1, state: "lost" } },
    pools: { ...description.pools, worker: { ...description.pools.worker!, count: { fsn1: 1, nbg1: 1 } } },
  }));
  ensure(!world.deployment().stacks.some(({ name }) => name === "lab-fsn1"), "the lost data center has a stack");
  await world.deploy("foundation");
  const { changes } = await world.deploy("nbg1");
  await world.agents.healthyInside("lab-nbg1-worker-1", 60);
  await world.deploy("hel1");
  return `nbg1: ${changes.add} to add, ${changes.destroy} to destroy`;
}
