import { renderHugePages, renderModules, renderOpenFiles, renderScheduler, renderSysctl, Sysctl } from "../../render/kernel";
import { readAsset } from "../host/assets";
import { PROGRAMS } from "../host/base-system";
import { Host, IHostContribution } from "../host/host";

/** The unit after which the kernel is tuned. */
export const KERNEL_UNIT = "triplicate-kernel.service";

/** What a kernel profile sets. */
export interface KernelProfileProps {
  readonly sysctls: readonly Sysctl[];
  /** Kernel modules to load at boot. */
  readonly modules: readonly string[];
  readonly transparentHugePages: "always" | "madvise" | "never";
}

/** What a Postgres host's kernel is told. */
export interface PostgresKernelProps {
  /** Memory of the smallest server type that the host can have, in MiB. */
  readonly memoryMiB: number;
}

/** Files that a service may have open: the soft limit that programs see, and the one to which they may raise it. */
const OPEN_FILES = { soft: 65_536, hard: 1_048_576 } as const;

const MIB = 1024 * 1024;

/** On every host. */
const EVERYWHERE: readonly Sysctl[] = [
  { name: "kernel.panic", value: 10, reason: "a host that nobody can log in to must come back by itself" },
  { name: "kernel.panic_on_oops", value: 1, reason: "a kernel that goes on after an oops answers health checks and does no work" },
  { name: "kernel.dmesg_restrict", value: 1, reason: "kernel addresses are nobody's business in a container" },
  { name: "net.ipv4.conf.all.accept_redirects", value: 0, reason: "routes come from us, never from a neighbour" },
  { name: "net.ipv4.conf.default.accept_redirects", value: 0, reason: "one interface that accepts them is enough for the kernel" },
  { name: "net.ipv4.conf.all.send_redirects", value: 0, reason: "no host is anybody's router" },
  { name: "net.ipv4.conf.default.send_redirects", value: 0, reason: "one interface that sends them is enough for the kernel" },
  { name: "net.ipv4.conf.all.rp_filter", value: 2, reason: "the firewall checks where packets come from; strict mode would break policy routes" },
  { name: "net.ipv4.tcp_keepalive_time", value: 60, reason: "two hours of silence before a dead peer is noticed is too long" },
  { name: "net.ipv4.tcp_keepalive_intvl", value: 10, reason: "six questions in a minute" },
  { name: "net.ipv4.tcp_keepalive_probes", value: 6, reason: "six questions in a minute" },
];

/** Wherever containers run. */
const CONTAINERS: readonly Sysctl[] = [
  { name: "net.ipv4.ip_forward", value: 1, reason: "containers reach the network through the host" },
  { name: "net.bridge.bridge-nf-call-iptables", value: 1, reason: "without it traffic between containers passes no firewall rule" },
  { name: "net.netfilter.nf_conntrack_max", value: 262_144, reason: "each published connection is an entry; a small host's default is 65536" },
  { name: "fs.inotify.max_user_instances", value: 8192, reason: "one user runs all containers, and 128 are used up by a dozen of them" },
  { name: "fs.inotify.max_user_watches", value: 524_288, reason: "as above" },
  { name: "vm.max_map_count", value: 262_144, reason: "search engines refuse to start below it" },
  { name: "vm.swappiness", value: 10, reason: "a container that is swapped out misses its health checks" },
];

/** What K3s with protect-kernel-defaults asks for; it refuses to start otherwise. */
const KUBELET: readonly Sysctl[] = [
  { name: "vm.overcommit_memory", value: 1, reason: "the kubelet demands it: limits are per pod" },
  { name: "vm.panic_on_oom", value: 0, reason: "the kubelet demands it: a pod that wants too much dies, the host doesn't" },
  { name: "kernel.keys.root_maxkeys", value: 1_000_000, reason: "the kubelet demands it: each container takes a keyring" },
  { name: "kernel.keys.root_maxbytes", value: 25_000_000, reason: "the kubelet demands it" },
];

/** Bridges with firewall rules, layered images, connection tracking. */
const CONTAINER_MODULES = ["overlay", "br_netfilter", "nf_conntrack"] as const;

/**
 * How the kernel of a host is tuned, each setting with its reason: parameters, modules, huge pages, I/O scheduler, limits.
 *
 * Changing a profile replaces the hosts that have it. The settings are in effect before any unit that names `KERNEL_UNIT`.
 */
export class KernelProfile implements IHostContribution {
  /** For hosts without a special task. */
  public static base(): KernelProfile {
    return new KernelProfile({ sysctls: EVERYWHERE, modules: [], transparentHugePages: "madvise" });
  }

  /** For hosts that run containers with Docker. */
  public static dockerHost(): KernelProfile {
    return new KernelProfile({ sysctls: [...EVERYWHERE, ...CONTAINERS], modules: CONTAINER_MODULES, transparentHugePages: "madvise" });
  }

  /** For nodes of a Kubernetes cluster. */
  public static kubernetesNode(): KernelProfile {
    const sysctls = [...EVERYWHERE, ...CONTAINERS, ...KUBELET];
    return new KernelProfile({ sysctls, modules: [...CONTAINER_MODULES, "wireguard"], transparentHugePages: "madvise" });
  }

  /** For hosts that do nothing but Postgres. A watchdog device is there for Patroni. */
  public static postgres({ memoryMiB }: PostgresKernelProps): KernelProfile {
    return new KernelProfile({ sysctls: [...EVERYWHERE, ...postgres(memoryMiB)], modules: ["softdog"], transparentHugePages: "never" });
  }

  constructor(public readonly settings: KernelProfileProps) {}

  public bind(host: Host): void {
    const { sysctls, modules, transparentHugePages } = this.settings;
    host.addFile({ path: `${PROGRAMS}/apply-kernel.sh`, content: readAsset("apply-kernel.sh"), mode: "0755" });
    host.addFile({ path: "/etc/sysctl.d/90-triplicate.conf", content: renderSysctl(sysctls) });
    host.addFile({ path: "/etc/modules-load.d/triplicate.conf", content: renderModules(modules) });
    host.addFile({ path: "/etc/tmpfiles.d/triplicate.conf", content: renderHugePages(transparentHugePages) });
    host.addFile({ path: "/etc/udev/rules.d/60-triplicate-scheduler.rules", content: renderScheduler("none") });
    host.addFile({ path: "/etc/systemd/system.conf.d/triplicate.conf", content: renderOpenFiles(OPEN_FILES.soft, OPEN_FILES.hard) });
    host.addUnit({ name: KERNEL_UNIT, description: "Kernel settings", execStart: `${PROGRAMS}/apply-kernel.sh` });
  }
}

/** @see https://www.postgresql.org/docs/17/kernel-resources.html */
function postgres(memoryMiB: number): readonly Sysctl[] {
  return [
    ...overcommit(memoryMiB),
    { name: "vm.swappiness", value: 1, reason: "shared buffers in swap are worse than none" },
    { name: "vm.dirty_background_bytes", value: 64 * MIB, reason: "writing starts early, so that no fsync has to wait for gigabytes" },
    { name: "vm.dirty_bytes", value: 512 * MIB, reason: "the most that a checkpoint's fsync can find unwritten" },
    { name: "vm.dirty_expire_centisecs", value: 1000, reason: "as above, by age" },
    { name: "net.core.somaxconn", value: 8192, reason: "all clients connect at once after a failover" },
    { name: "net.ipv4.tcp_max_syn_backlog", value: 8192, reason: "as above" },
    { name: "net.ipv4.tcp_retries2", value: 5, reason: "at 15 a healed partition leaves etcd in TCP's back-off for minutes (measured)" },
  ];
}

/** Strict accounting spares the postmaster from the OOM killer; below 4 GiB it would make forks fail instead. */
function overcommit(memoryMiB: number): readonly Sysctl[] {
  if (memoryMiB < 4096) return [];
  return [
    { name: "vm.overcommit_memory", value: 2, reason: "an allocation that can't be served fails, instead of the postmaster being killed later" },
    { name: "vm.overcommit_ratio", value: 85, reason: "at the default 50 half of the memory could not be asked for" },
  ];
}
