import { toIni, toLines } from "./writers";

/** A kernel parameter. */
export interface Sysctl {
  /** Its name: `vm.swappiness`. */
  readonly name: string;
  readonly value: string | number;
  /** Why not the default. */
  readonly reason: string;
}

/** Renders a file of `/etc/sysctl.d`. */
export function renderSysctl(settings: readonly Sysctl[]): string {
  return toLines(settings.map(({ name, value }) => `${name} = ${value}`));
}

/** Renders a file of `/etc/modules-load.d`. */
export function renderModules(modules: readonly string[]): string {
  return toLines(modules);
}

/** Renders a file of `/etc/tmpfiles.d` that sets transparent huge pages. */
export function renderHugePages(mode: "always" | "madvise" | "never"): string {
  return toLines([`w /sys/kernel/mm/transparent_hugepage/enabled - - - - ${mode}`]);
}

/** Renders a udev rule that gives every disk an I/O scheduler. */
export function renderScheduler(scheduler: "none" | "mq-deadline"): string {
  const disks = 'ACTION=="add|change", SUBSYSTEM=="block", ENV{DEVTYPE}=="disk", KERNEL=="sd*|vd*"';
  return toLines([`${disks}, ATTR{queue/scheduler}="${scheduler}"`]);
}

/** Renders a drop-in for systemd's manager: how many files a service may have open, soft and hard. */
export function renderOpenFiles(soft: number, hard: number): string {
  return toIni({ Manager: { DefaultLimitNOFILE: `${soft}:${hard}` } });
}
