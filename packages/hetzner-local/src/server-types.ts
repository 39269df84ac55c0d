/**
 * The server types of late 2026.
 *
 * Sizes and places follow Hetzner's public pages and its announcement of 2025-10-16, which replaced CX2x and (in Europe) CPX11–51
 * by CX23–53 and CPX12–62; the older ones can't be ordered any more. The ids are ours. `category` has the API's value
 * for cost-optimized types as in hcloud-go's tests; the other two names are not certain.
 * @see https://docs.hetzner.com/cloud/servers/overview/
 */
import type { Architecture } from "./catalog";

/** Where a type is sold. */
export interface ServerTypeLocation {
  readonly name: string;
  /** Announced end of sale; null for current types. */
  readonly deprecation: { readonly announced: string; readonly unavailable_after: string } | null;
}

export interface ServerType {
  readonly id: number;
  readonly name: string;
  readonly category: string;
  readonly cores: number;
  /** Gigabytes. */
  readonly memory: number;
  /** Gigabytes. */
  readonly disk: number;
  readonly cpuType: "shared" | "dedicated";
  readonly architecture: Architecture;
  readonly locations: readonly ServerTypeLocation[];
}

interface Family {
  readonly category: string;
  readonly cpuType: "shared" | "dedicated";
  readonly architecture: Architecture;
  readonly current: readonly string[];
  readonly discontinued?: readonly string[];
  /** Name, cores, memory in GB, disk in GB. */
  readonly types: readonly (readonly [string, number, number, number])[];
}

const EUROPE = ["fsn1", "nbg1", "hel1"];
const AMERICA = ["ash", "hil"];
const ASIA = ["sin"];
const END_OF_SALE = { announced: "2025-10-16T06:00:00Z", unavailable_after: "2025-12-31T23:59:59Z" };

const FAMILIES: readonly Family[] = [
  {
    category: "cost_optimized", cpuType: "shared", architecture: "x86", current: EUROPE,
    types: [["cx23", 2, 4, 40], ["cx33", 4, 8, 80], ["cx43", 8, 16, 160], ["cx53", 16, 32, 320]],
  },
  {
    category: "regular_purpose", cpuType: "shared", architecture: "x86", current: [...EUROPE, ...ASIA],
    types: [
      ["cpx12", 1, 2, 40], ["cpx22", 2, 4, 80], ["cpx32", 4, 8, 160],
      ["cpx42", 8, 16, 320], ["cpx52", 12, 24, 480], ["cpx62", 16, 32, 640],
    ],
  },
  {
    category: "cost_optimized", cpuType: "shared", architecture: "arm", current: EUROPE,
    types: [["cax11", 2, 4, 40], ["cax21", 4, 8, 80], ["cax31", 8, 16, 160], ["cax41", 16, 32, 320]],
  },
  {
    category: "general_purpose", cpuType: "dedicated", architecture: "x86", current: [...EUROPE, ...AMERICA, ...ASIA],
    types: [
      ["ccx13", 2, 8, 80], ["ccx23", 4, 16, 160], ["ccx33", 8, 32, 240],
      ["ccx43", 16, 64, 360], ["ccx53", 32, 128, 600], ["ccx63", 48, 192, 960],
    ],
  },
  {
    category: "cost_optimized", cpuType: "shared", architecture: "x86", current: [], discontinued: EUROPE,
    types: [["cx22", 2, 4, 40], ["cx32", 4, 8, 80], ["cx42", 8, 16, 160], ["cx52", 16, 32, 320]],
  },
  {
    category: "regular_purpose", cpuType: "shared", architecture: "x86", current: AMERICA, discontinued: [...EUROPE, ...ASIA],
    types: [["cpx11", 2, 2, 40], ["cpx21", 3, 4, 80], ["cpx31", 4, 8, 160], ["cpx41", 8, 16, 240], ["cpx51", 16, 32, 360]],
  },
];

/** Every type, the discontinued ones included. */
export const SERVER_TYPES: readonly ServerType[] = FAMILIES.flatMap(expand).map((type, index) => ({ ...type, id: 101 + index }));

/** A type that exists: for records, which hold only names of known ones. */
export function serverTypeNamed(name: string): ServerType {
  const found = SERVER_TYPES.find((item) => item.name === name);
  if (found === undefined) throw new Error(`unknown server type '${name}'`);
  return found;
}

function expand(family: Family): Omit<ServerType, "id">[] {
  const locations = [
    ...family.current.map((name) => ({ name, deprecation: null })),
    ...(family.discontinued ?? []).map((name) => ({ name, deprecation: END_OF_SALE })),
  ];
  const { category, cpuType, architecture } = family;
  return family.types.map(([name, cores, memory, disk]) => ({ name, cores, memory, disk, category, cpuType, architecture, locations }));
}
