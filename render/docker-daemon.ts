import { toJson } from "./writers";

/** What Docker's daemon is told. */
export interface DockerDaemonSpec {
  /** Addresses for bridges, as a CIDR; each bridge gets a /24 of it. */
  readonly addressRange: string;
  /** The systemd slice that containers are in. */
  readonly slice: string;
  /** Files that a container may have open. */
  readonly openFiles: number;
}

/** Renders `/etc/docker/daemon.json`. */
export function renderDockerDaemon({ addressRange, slice, openFiles }: DockerDaemonSpec): string {
  return toJson({
    "live-restore": true,
    "no-new-privileges": true,
    "userland-proxy": false,
    icc: false,
    "cgroup-parent": slice,
    "exec-opts": ["native.cgroupdriver=systemd"],
    "storage-driver": "overlay2",
    "log-driver": "local",
    "log-opts": { "max-size": "10m", "max-file": "5" },
    "default-address-pools": [{ base: addressRange, size: 24 }],
    "default-ulimits": { nofile: { Name: "nofile", Soft: openFiles, Hard: openFiles } },
  });
}
