import type { World } from "./world";

/** The longest that is worth a line. */
const LINES = 14;

const SHOW =
  "systemctl show --type=service --all '*' --property=Id,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic,InactiveEnterTimestampMonotonic --no-pager";

/** When each unit of a machine's first boot began, and how long it took; the longest ones, in order. The first row is the heading. */
export async function timelines(world: World): Promise<string[][]> {
  const machines = world.machines().map(({ name }) => name);
  const rows = await Promise.all(machines.map(async (machine) => unitsOf(machine, await world.run(machine, SHOW))));
  return [["machine", "unit", "from", "to", "took"], ...rows.flat()];
}

function unitsOf(machine: string, shown: string): string[][] {
  const units = shown.split("\n\n").map((block) => Object.fromEntries(block.split("\n").map((line) => line.split("=") as [string, string])));
  return units
    .map((unit) => {
      const from = Number(unit.InactiveExitTimestampMonotonic) / 1e6;
      const to = Number(unit.ActiveEnterTimestampMonotonic) / 1e6 || Number(unit.InactiveEnterTimestampMonotonic) / 1e6;
      return { id: unit.Id, from, to, took: to - from };
    })
    .filter(({ from, took }) => from > 0 && took > 0)
    .sort((a, b) => b.took - a.took)
    .slice(0, LINES)
    .sort((a, b) => a.from - b.from)
    .map(({ id, from, to, took }) => [machine, id, from.toFixed(1), to.toFixed(1), took.toFixed(1)]);
}
