import { Check, DATABASES, ensure, ensureEqual, WORKER } from "./check";
import { meshAddress } from "./network-checks";
import { DEVICE } from "./volume-checks";
import { eventually } from "./wait";
import type { Change } from "./description";
import type { World } from "./world";

const [FIRST, SECOND, THIRD] = DATABASES;

export const leaveChecks: readonly Check[] = [
  { promise: 8, name: "with another quorum member ill, the apply stops and nothing was detached", run: refusesWhileIll },
  { promise: 8, name: "a machine that is replaced lets go of its volumes before they are detached; its successor has the same data and peers", run: replaces },
  { promise: 4, name: "a key rotation: old, both, new", run: rotatesKey },
];

export const rollingChecks: readonly Check[] = [
  { promise: 10, name: "data centers replaced one after another, at no moment more than one down", run: rolls },
  { promise: 10, name: "a change that breaks the boot stops at the first data center", run: stopsAtFirst },
  { promise: 10, name: "with a data center lost, the others still change", run: changesWithoutLost },
];

/** Replaces the machines of some data centers. */
export function generation(numbers: Readonly<Record<string, number>>, more: Change = (same) => same): Change {
  return (description) => {
    const dataCenters = Object.entries(description.dataCenters).map(([location, given]) => [location, { ...given, generation: numbers[location] ?? 1 }]);
    return more({ ...description, dataCenters: Object.fromEntries(dataCenters) });
  };
}

async function refusesWhileIll(world: World): Promise<string> {
  await world.run(SECOND, "printf '#!/bin/sh\\necho made ill\\nexit 1\\n' >/etc/triplicate/health.d/99-lab; chmod 755 /etc/triplicate/health.d/99-lab");
  try {
    await eventually(() => world.ask(SECOND, "/member"), ({ body }) => body.includes("made ill"), { timeoutSeconds: 60, what: `${SECOND} to be ill` });
    const before = world.machine(THIRD).id;
    const deployment = world.deployment(generation({ hel1: 2 }));
    await deployment.deploy("lab-foundation");
    const { outcome, output } = await deployment.deploy("lab-hel1", { TF_VAR_replace_while_ill: "true", TRIPLICATE_LEAVE_TIMEOUT_SECONDS: "60" });
    ensureEqual(outcome, "failed", "the apply");
    ensure(output.includes(SECOND), `it does not name ${SECOND}:\n${output.slice(-2000)}`);
    ensureEqual(world.machine(THIRD).id, before, `the id of ${THIRD}`);
    ensureEqual(await world.run(THIRD, "findmnt --noheadings --output SOURCE /srv/data"), "/dev/mapper/data", "its volume");
    ensureEqual((await world.ask(THIRD, "/member")).code, 200, "its health");
    return "refused, everything in place";
  } finally {
    await world.run(SECOND, "rm -f /etc/triplicate/health.d/99-lab");
    await eventually(() => world.ask(SECOND, "/member"), ({ body }) => body.includes('"healthy"'), { timeoutSeconds: 60, what: `${SECOND} to be well` });
  }
}

async function replaces(world: World): Promise<string> {
  await world.run(THIRD, `echo kept >/srv/data/kept; cryptsetup luksUUID ${DEVICE} >/srv/data/uuid; sync`);
  const before = world.machine(THIRD);
  const key = await world.run(THIRD, "wg show wg0 public-key");
  const watch = world.watchDetaching();
  const deployed = await world.deploy("hel1", generation({ hel1: 2 }));
  const seen = watch();
  ensure(seen.length === (world.isMirrored ? 2 : 1) && seen.every(({ isHeld }) => !isHeld), `volumes were detached like this: ${JSON.stringify(seen)}`);
  ensure(world.machine(THIRD).id !== before.id, "the machine was not replaced");
  ensureEqual(await world.run(THIRD, "cat /srv/data/kept; cat /srv/data/uuid"), `kept\n${await world.run(THIRD, `cryptsetup luksUUID ${DEVICE}`)}`, "the data");
  ensure(!(await world.run(THIRD, "journalctl --boot --unit=triplicate-volumes --output=cat")).includes("made"), "the volume was made anew");
  ensureEqual(await world.run(THIRD, "wg show wg0 public-key"), key, "its key in the mesh");
  for (const machine of [FIRST, SECOND, WORKER]) await world.run(machine, `ping -q -c 2 -W 5 ${meshAddress(THIRD)}`);
  return `${deployed.seconds.toFixed(0)} s`;
}

async function rotatesKey(world: World): Promise<string> {
  const slots = () => world.run(THIRD, `cryptsetup luksDump --dump-json-metadata ${DEVICE} | python3 -c 'import json, sys; print(*sorted(json.load(sys.stdin)["keyslots"]))'`);
  const opens = async (generation: number) => {
    const { exitCode } = await world.lab.exec(THIRD, `cryptsetup open --test-passphrase --key-file /run/triplicate/disk-keys/${generation} ${DEVICE}`);
    return exitCode === 0;
  };
  const old = world.secrets(THIRD)["/run/triplicate/disk-keys/1"];
  ensureEqual([await slots(), await opens(1)], ["0", true], "before");
  const both: Change = generation({ hel1: 2 }, (description) => ({ ...description, diskKey: { generation: 2, acceptPrevious: true } }));
  await world.deploy("foundation", both);
  await world.deploy("hel1", both);
  ensureEqual([await slots(), await opens(1), await opens(2)], ["0 1", true, true], "with both keys");
  const next: Change = generation({ hel1: 2 }, (description) => ({ ...description, diskKey: { generation: 2 } }));
  await world.deploy("foundation", next);
  await world.deploy("hel1", next);
  ensureEqual([await slots(), await opens(2)], ["1", true], "with the new key");
  const { exitCode } = await world.lab.exec(THIRD, `printf %s '${old}' | cryptsetup open --test-passphrase --key-file - ${DEVICE}`);
  ensure(exitCode !== 0, "the old key still opens the volume");
  ensureEqual(await world.run(THIRD, "cat /srv/data/kept"), "kept", "the data");
  return "slots 0 → 0 1 → 1";
}

async function rolls(world: World): Promise<string> {
  const watch = world.watchHealth([...DATABASES]);
  for (const location of ["fsn1", "nbg1", "hel1"]) {
    const done = Object.fromEntries(["fsn1", "nbg1", "hel1"].slice(0, ["fsn1", "nbg1", "hel1"].indexOf(location) + 1).map((name) => [name, 3]));
    const change = generation({ hel1: 2, ...done });
    await world.deploy("foundation", change);
    await world.deploy(location, change);
  }
  const { samples, mostDown } = await watch();
  ensure(mostDown === 1, `${mostDown} databases were down at the same time`);
  return `${samples} samples, at most ${mostDown} of 3 down`;
}

async function stopsAtFirst(world: World): Promise<string> {
  const others = [SECOND, THIRD].map((name) => world.machine(name).id);
  await world.breakBoots(true);
  try {
    const deployment = world.deployment(generation({ fsn1: 4, nbg1: 4, hel1: 4 }));
    const all = await deployment.deployAll({ TF_VAR_gate_attempts: "20" });
    ensureEqual([all.at(-1)?.stack, all.at(-1)?.outcome], ["lab-fsn1", "failed"], "where the chain stopped");
  } finally {
    await world.breakBoots(false);
  }
  ensureEqual([SECOND, THIRD].map((name) => world.machine(name).id), others, "the other data centers' machines");
  return "fsn1 failed, nbg1 and hel1 untouched";
}

async function changesWithoutLost(world: World): Promise<string> {
  const change = generation({ fsn1: 4, nbg1: 4, hel1: 4 }, (description) => ({
    ...description,
    dataCenters: { ...description.dataCenters, fsn1: { ...description.dataCenters.fsn1, state: "lost" } },
    pools: { ...description.pools, worker: { ...description.pools.worker!, count: { fsn1: 1, nbg1: 1 } } },
  }));
  const deployment = world.deployment(change);
  ensure(!deployment.stacks.some(({ name }) => name === "lab-fsn1"), "the lost data center has a stack");
  await world.deploy("foundation", change);
  const deployed = await world.deploy("nbg1", change, { TF_VAR_replace_while_ill: "false" });
  await world.healthy("lab-nbg1-worker-1");
  return `a worker was added in nbg1: ${deployed.changes.add} to add, ${deployed.changes.destroy} to destroy`;
}
