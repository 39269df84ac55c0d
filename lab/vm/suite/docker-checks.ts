import { Check, ensure, ensureEqual, WORKER } from "./check";
import type { World } from "./world";

const METADATA = "169.254.169.254";

/** A root file system of bash, sleep, timeout and what they are linked to: an image without a registry. */
const MAKE_IMAGE =
  "rm -rf /root/image && mkdir /root/image && " +
  "cp --parents $(ldd /usr/bin/bash /usr/bin/sleep /usr/bin/timeout | grep -o '/[^ ]*[0-9]' | sort -u) /usr/bin/bash /usr/bin/sleep /usr/bin/timeout /root/image && " +
  "tar -C /root/image -c . | docker import - local/shell";

/** Exit 0 only if a TCP connection to the metadata service comes about. */
const REACH = `timeout 5 bash -c '</dev/tcp/${METADATA}/80'`;

export const dockerChecks: readonly Check[] = [
  { promise: 3, name: "a container runs from a local image, in its own slice, as daemon.json says", run: runsContainer },
  { promise: 3, name: "a container survives a restart of the daemon", run: survivesRestart },
  { promise: 3, name: "the metadata service: for the system's units only", run: metadataGuarded },
];

async function runsContainer(world: World): Promise<string> {
  await world.run(WORKER, MAKE_IMAGE, 300);
  await world.run(WORKER, "docker rm --force keeper >/dev/null 2>&1; docker run --detach --name keeper --publish 8080:8080 local/shell sleep 100000", 300);
  const format = "{{.HostConfig.LogConfig.Type}} {{.State.Running}}";
  ensureEqual(await world.run(WORKER, `docker inspect --format '${format}' keeper`), "local true", "the container");
  const group = await world.run(WORKER, "cat /proc/$(docker inspect --format '{{.State.Pid}}' keeper)/cgroup");
  ensure(group.startsWith("0::/containers.slice/"), `its control group is ${group}`);
  const told = JSON.parse(await world.run(WORKER, "docker info --format '{{json .}}'")) as Record<string, unknown>;
  ensureEqual([told.LiveRestoreEnabled, told.LoggingDriver, told.CgroupDriver], [true, "local", "systemd"], "docker info");
  ensure((told.SecurityOptions as string[]).some((option) => option.includes("no-new-privileges")), "new privileges are allowed");
  ensureEqual(told.DefaultAddressPools, [{ Base: "10.44.0.0/16", Size: 24 }], "address pools");
  ensureEqual(await world.run(WORKER, "pgrep --count docker-proxy || true"), "0", "userland proxies");
  return `Docker ${String(told.ServerVersion)}`;
}

async function survivesRestart(world: World): Promise<void> {
  const pid = () => world.run(WORKER, "docker inspect --format '{{.State.Pid}} {{.State.StartedAt}}' keeper");
  const before = await pid();
  await world.run(WORKER, "systemctl restart docker.service", 300);
  ensureEqual(await pid(), before, "process and start of the container");
}

async function metadataGuarded(world: World): Promise<void> {
  const refused = {
    "a container": `docker run --rm local/shell ${REACH}`,
    "a root container on the host network": `docker run --rm --network host local/shell ${REACH}`,
    "an ordinary user": `setpriv --reuid 65534 --regid 65534 --clear-groups ${REACH}`,
    "root outside of system.slice": `systemd-run --quiet --wait --slice=user.slice ${REACH}`,
  };
  for (const [who, command] of Object.entries(refused)) {
    const { exitCode } = await world.lab.exec(WORKER, command, { timeoutSeconds: 300 });
    ensure(exitCode !== 0, `${who} reaches the metadata service`);
  }
  const url = `http://${METADATA}/hetzner/v1/metadata/instance-id`;
  const answer = await world.run(WORKER, `systemd-run --quiet --wait --pipe curl --silent --output /dev/null --write-out '%{http_code}' ${url}`);
  ensureEqual(answer, "200", "the answer to a unit of the system");
}
