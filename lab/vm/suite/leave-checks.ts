import { Check, DATABASES, ensure, ensureEqual, WORKER } from "./check";
import { DEVICE, isMirrored } from "./volume-checks";
import { replaced } from "./description";
import type { World } from "./world";

const [FIRST, SECOND, THIRD] = DATABASES;

export const leaveChecks: readonly Check[] = [
  { promise: 8, name: "with another quorum member ill, the apply stops and nothing was detached", run: refusesWhileIll },
  { promise: 8, name: "a machine that is replaced lets go of its volumes before they are detached; its successor has the same data and peers", run: replaces },
];

export const keyChecks: readonly Check[] = [{ promise: 4, name: "a key rotation: old, both, new", run: rotatesKey }];

async function refusesWhileIll(world: World): Promise<string> {
  await world.run(SECOND, "printf '#!/bin/sh\\necho made ill\\nexit 1\\n' >/etc/triplicate/health.d/99-lab; chmod 755 /etc/triplicate/health.d/99-lab");
  try {
    await world.agents.ill(SECOND, "made ill");
    const before = world.machine(THIRD).id;
    world.describe(replaced("hel1"));
    const { outcome, output } = await world.deployment().deploy("lab-hel1", { TF_VAR_replace_while_ill: "true", TRIPLICATE_LEAVE_TIMEOUT_SECONDS: "60" });
    ensureEqual(outcome, "failed", "the apply");
    ensure(output.includes(SECOND), `it does not name ${SECOND}:\n${output.slice(-2000)}`);
    ensureEqual(world.machine(THIRD).id, before, `the id of ${THIRD}`);
    ensureEqual(await world.run(THIRD, "findmnt --noheadings --output SOURCE /srv/data"), "/dev/mapper/data", "its volume");
    ensureEqual((await world.agents.ask(THIRD, "/member")).code, 200, "its health");
    return "refused, everything in place";
  } finally {
    await world.run(SECOND, "rm -f /etc/triplicate/health.d/99-lab");
    await world.agents.healthy(SECOND);
  }
}

async function replaces(world: World): Promise<string> {
  await world.run(THIRD, `echo kept >/srv/data/kept; cryptsetup luksUUID ${DEVICE} >/srv/data/uuid; sync`);
  const before = world.machine(THIRD);
  const key = await world.run(THIRD, "wg show wg0 public-key");
  const watch = world.watchDetaching();
  const deployed = await world.deploy("hel1");
  const seen = watch();
  ensure(seen.length === (isMirrored(world, THIRD) ? 2 : 1) && seen.every(({ isHeld }) => !isHeld), `volumes were detached like this: ${JSON.stringify(seen)}`);
  ensure(world.machine(THIRD).id !== before.id, "the machine was not replaced");
  ensureEqual(await world.run(THIRD, "cat /srv/data/kept; cat /srv/data/uuid"), `kept\n${await world.run(THIRD, `cryptsetup luksUUID ${DEVICE}`)}`, "the data");
  ensure(!(await world.run(THIRD, "journalctl --boot --unit=triplicate-volumes --output=cat")).includes("made"), "the volume was made anew");
  ensureEqual(await world.run(THIRD, "wg show wg0 public-key"), key, "its key in the mesh");
  for (const machine of [FIRST, SECOND, WORKER]) await world.run(machine, `ping -q -c 2 -W 5 ${world.slot(THIRD).wireGuardAddress}`);
  return `${deployed.seconds.toFixed(0)} s`;
}

async function rotatesKey(world: World): Promise<string> {
  const slots = () => world.run(THIRD, `cryptsetup luksDump --dump-json-metadata ${DEVICE} | python3 -c 'import json, sys; print(*sorted(json.load(sys.stdin)["keyslots"]))'`);
  const opens = async (generation: number) => {
    const { exitCode } = await world.lab.exec(THIRD, `cryptsetup open --test-passphrase --key-file /run/triplicate/disk-keys/${generation} ${DEVICE}`);
    return exitCode === 0;
  };
  await world.run(THIRD, "echo kept >/srv/data/kept; sync");
  const old = world.secrets(THIRD)["/run/triplicate/disk-keys/1"];
  ensureEqual([await slots(), await opens(1)], ["0", true], "before");
  world.describe((description) => ({ ...description, diskKey: { generation: 2, acceptPrevious: true } }));
  await world.deploy("foundation");
  await world.deploy("hel1");
  ensureEqual([await slots(), await opens(1), await opens(2)], ["0 1", true, true], "with both keys");
  world.describe((description) => ({ ...description, diskKey: { generation: 2 } }));
  await world.deploy("foundation");
  await world.deploy("hel1");
  ensureEqual([await slots(), await opens(2)], ["1", true], "with the new key");
  const { exitCode } = await world.lab.exec(THIRD, `printf %s '${old}' | cryptsetup open --test-passphrase --key-file - ${DEVICE}`);
  ensure(exitCode !== 0, "the old key still opens the volume");
  ensureEqual(await world.run(THIRD, "cat /srv/data/kept"), "kept", "the data");
  return "slots 0 → 0 1 → 1";
}
