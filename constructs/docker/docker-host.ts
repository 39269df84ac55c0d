import { renderDockerDaemon } from "../../render/docker-daemon";
import { readAsset } from "../host/assets";
import { PACKAGES_UNIT } from "../host/base-system";
import { Host, IHostContribution } from "../host/host";
import { KERNEL_UNIT } from "../kernel/kernel-profile";

/** The unit after which Docker answers. */
export const DOCKER_UNIT = "triplicate-docker.service";

/** What a Docker host is. */
export interface DockerHostProps {
  /**
   * Addresses for bridges, as a CIDR of /20 or larger; each bridge gets a /24. It must not overlap any network that the host
   * talks to. Changing it replaces the host.
   */
  readonly addressRange: string;
}

/** Outside of `system.slice`, so that the firewall can tell containers from the system, whatever network they use. */
const SLICE = "containers.slice";

/** Enough for a proxy with ten thousand connections, and the least that a database asks for. */
const OPEN_FILES = 65_536;

/**
 * A host that runs containers with Docker Engine from Debian, and its command line, which is a package of its own there.
 *
 * Containers keep running while the daemon restarts, can't gain privileges, don't talk to each other unless they share a
 * network of their own, and keep at most 50 MB of logs each. Unattended upgrades leave Docker alone. Needs a `KernelProfile`
 * for container hosts.
 */
export class DockerHost implements IHostContribution {
  constructor(private readonly props: DockerHostProps) {}

  public bind(host: Host): void {
    const { addressRange } = this.props;
    host.addHeldPackage("docker.io", "docker-cli", "containerd", "runc");
    host.addFile({ path: "/etc/docker/daemon.json", content: renderDockerDaemon({ addressRange, slice: SLICE, openFiles: OPEN_FILES }) });
    host.addFile({ path: "/etc/triplicate/health.d/40-docker", content: readAsset("health.d/docker.sh"), mode: "0755" });
    host.addUnit({
      name: DOCKER_UNIT,
      description: "Docker",
      after: [PACKAGES_UNIT, KERNEL_UNIT],
      // its package was not there when the order of units was worked out
      execStart: "/usr/bin/systemctl start docker.service",
    });
  }
}
