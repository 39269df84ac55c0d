import type { Span } from "../../../rehearsal/result";
import type { World } from "./world";

/** How many units of a machine are worth a line. */
const LONGEST = 20;

const PROPERTIES = ["Id", "InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic", "InactiveEnterTimestampMonotonic"];

const SHOW = `systemctl show --type=service --all '*' --property=${PROPERTIES.join(",")} --no-pager`;

const MICROSECONDS = 1e6;

/** When each unit of a machine's first boot began and how long it took, the longest ones, by machine; from the start of its kernel. */
export async function timelines(world: World): Promise<Record<string, readonly Span[]>> {
  const machines = world.machines().map(({ name }) => name);
  const shown = await Promise.all(machines.map((machine) => world.run(machine, SHOW)));
  return Object.fromEntries(machines.map((machine, index) => [`${machine}: which unit took how long`, spansOf(shown[index])]));
}

function spansOf(shown: string): Span[] {
  const units = shown.split("\n\n").map((block) => Object.fromEntries(block.split("\n").map((line) => line.split("=") as [string, string])));
  return units
    .map(({ Id: label, ...at }): Span => {
      const [from, active, inactive] = PROPERTIES.slice(1).map((name) => Number(at[name]) / MICROSECONDS);
      return { label, from, to: active || inactive };
    })
    .filter(({ from, to }) => from > 0 && to > from)
    .sort((a, b) => b.to - b.from - (a.to - a.from))
    .slice(0, LONGEST)
    .sort((a, b) => a.from - b.from);
}
