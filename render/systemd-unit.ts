import { IniSection, toIni } from "./writers";

/** A unit of ours; everything a host starts at boot is one of these. */
export interface SystemdUnit {
  /** The full unit name: `triplicate-health.service`. */
  readonly name: string;
  readonly description: string;
  /**
   * What must have run before this unit, by unit name; this unit also pulls it in.
   *
   * @default - nothing
   */
  readonly after?: readonly string[];
  /**
   * `oneshot` runs to its end and then counts as active, `notify` and `exec` are long-running.
   *
   * @default "oneshot"
   */
  readonly type?: "oneshot" | "exec" | "notify";
  /** The program and its arguments, as in `ExecStart=`. */
  readonly execStart: string;
  /**
   * More settings of the `[Unit]` section.
   *
   * @default - none
   */
  readonly unit?: IniSection;
  /**
   * What pulls the unit in at boot on its own, beside the bootstrap target: for what must come before everything else.
   *
   * @default - nothing
   */
  readonly wantedBy?: string;
  /**
   * More settings of the `[Service]` section.
   *
   * @default - none
   */
  readonly service?: IniSection;
}

/** The target that stands for "this host is set up". */
export const BOOTSTRAP_TARGET = "triplicate.target";

/** Renders a service unit: ordered after its predecessors, which it needs, and logging to the console too. */
export function renderSystemdUnit(unit: SystemdUnit): string {
  const oneshot = (unit.type ?? "oneshot") === "oneshot";
  const after = unit.after?.join(" ") || undefined;
  return toIni({
    Unit: {
      Description: unit.description,
      Requires: after,
      After: after,
      ...unit.unit,
    },
    Service: {
      Type: unit.type ?? "oneshot",
      RemainAfterExit: oneshot ? "yes" : undefined,
      ExecStart: unit.execStart,
      StandardOutput: "journal+console",
      StandardError: "journal+console",
      ...unit.service,
    },
    ...(unit.wantedBy && { Install: { WantedBy: unit.wantedBy } }),
  });
}

/** Renders the bootstrap target: active once every unit of ours has started. */
export function renderBootstrapTarget(units: readonly string[]): string {
  return toIni({
    Unit: { Description: "Triplicate host", Wants: units.join(" "), After: units.join(" ") },
    Install: { WantedBy: "multi-user.target" },
  });
}
