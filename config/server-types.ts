import type { LocationName } from "./catalog";

/** Processor architecture, in Hetzner's words. Images and packages differ, so one pool has one. */
export type Architecture = "x86" | "arm";

/** What is known about a server type. */
export interface ServerTypeFacts {
  /** Virtual processors. */
  readonly cores: number;

  /** Memory in GB. */
  readonly memoryGb: number;

  /** Local root disk in GB. It is lost with the machine; data lives on volumes. */
  readonly diskGb: number;

  /** Processor architecture. */
  readonly architecture: Architecture;

  /** Whether the processors are shared with other customers. Shared ones can be slow to fsync under a neighbour's load. */
  readonly cpu: "shared" | "dedicated";

  /** Where new machines of it can be ordered. Types belong to locations since 2025-09-24. Empty: nowhere any more. */
  readonly soldIn: readonly LocationName[];

  /**
   * The first day it could not be ordered in Europe any more. Machines that run keep running.
   *
   * @default - it is not retired
   */
  readonly retired?: string;
}

const EUROPE: readonly LocationName[] = Object.freeze(["fsn1", "nbg1", "hel1"]);
const UNITED_STATES: readonly LocationName[] = Object.freeze(["ash", "hil"]);
const EVERYWHERE: readonly LocationName[] = Object.freeze(["fsn1", "nbg1", "hel1", "ash", "hil", "sin"]);
const NOWHERE: readonly LocationName[] = Object.freeze([]);

/** Old shared Intel types. Deprecated 2024-06-06, gone from 2024-09-06 (API changelog of the first date). */
const RETIRED_2024 = "2024-09-06";

/** CX of the second and, in Europe, CPX of the first generation: deprecated 2025-10-16, gone from 2026-01-01 (API changelog). */
const RETIRED_2026 = "2026-01-01";

function type(
  cores: number,
  memoryGb: number,
  diskGb: number,
  architecture: Architecture,
  cpu: "shared" | "dedicated",
  soldIn: readonly LocationName[],
  retired?: string,
): ServerTypeFacts {
  return Object.freeze({ cores, memoryGb, diskGb, architecture, cpu, soldIn, ...(retired === undefined ? {} : { retired }) });
}

/**
 * Server types, read on 2026-11-22. A type missing here can be added in one line; a wrong line shows at plan time, where
 * the API is asked.
 *
 * Sizes are from the API description where it has an example (cpx22) and from price lists that agree with each other for the
 * rest. Not confirmed by a second source: the disks of cpx52 and cpx62. Uncertain: whether Singapore sells cpx12–cpx62 or
 * still cpx11–cpx51 (listed as neither; no platform can stand there today). `cpx02` (1 core, 1 GB) exists and is left
 * out, it is too small for any role. A price table of summer 2026 had the whole cx and cax lines as not available, and fsn1
 * was closed to new machines in January: give such pools a fallback of another line.
 *
 * @see https://docs.hetzner.cloud/changelog#2025-10-16-server-types-deprecated
 * @see https://www.hetzner.com/cloud
 */
export const SERVER_TYPES: Readonly<Record<string, ServerTypeFacts>> = Object.freeze({
  cx23: type(2, 4, 40, "x86", "shared", EUROPE),
  cx33: type(4, 8, 80, "x86", "shared", EUROPE),
  cx43: type(8, 16, 160, "x86", "shared", EUROPE),
  cx53: type(16, 32, 320, "x86", "shared", EUROPE),

  cpx12: type(1, 2, 40, "x86", "shared", EUROPE),
  cpx22: type(2, 4, 80, "x86", "shared", EUROPE),
  cpx32: type(4, 8, 160, "x86", "shared", EUROPE),
  cpx42: type(8, 16, 320, "x86", "shared", EUROPE),
  cpx52: type(12, 24, 480, "x86", "shared", EUROPE),
  cpx62: type(16, 32, 640, "x86", "shared", EUROPE),

  cax11: type(2, 4, 40, "arm", "shared", EUROPE),
  cax21: type(4, 8, 80, "arm", "shared", EUROPE),
  cax31: type(8, 16, 160, "arm", "shared", EUROPE),
  cax41: type(16, 32, 320, "arm", "shared", EUROPE),

  ccx13: type(2, 8, 80, "x86", "dedicated", EVERYWHERE),
  ccx23: type(4, 16, 160, "x86", "dedicated", EVERYWHERE),
  ccx33: type(8, 32, 240, "x86", "dedicated", EVERYWHERE),
  ccx43: type(16, 64, 360, "x86", "dedicated", EVERYWHERE),
  ccx53: type(32, 128, 600, "x86", "dedicated", EVERYWHERE),
  ccx63: type(48, 192, 960, "x86", "dedicated", EVERYWHERE),

  cpx11: type(2, 2, 40, "x86", "shared", UNITED_STATES, RETIRED_2026),
  cpx21: type(3, 4, 80, "x86", "shared", UNITED_STATES, RETIRED_2026),
  cpx31: type(4, 8, 160, "x86", "shared", UNITED_STATES, RETIRED_2026),
  cpx41: type(8, 16, 240, "x86", "shared", UNITED_STATES, RETIRED_2026),
  cpx51: type(16, 32, 360, "x86", "shared", UNITED_STATES, RETIRED_2026),

  cx22: type(2, 4, 40, "x86", "shared", NOWHERE, RETIRED_2026),
  cx32: type(4, 8, 80, "x86", "shared", NOWHERE, RETIRED_2026),
  cx42: type(8, 16, 160, "x86", "shared", NOWHERE, RETIRED_2026),
  cx52: type(16, 32, 320, "x86", "shared", NOWHERE, RETIRED_2026),

  cx11: type(1, 2, 20, "x86", "shared", NOWHERE, RETIRED_2024),
  cx21: type(2, 4, 40, "x86", "shared", NOWHERE, RETIRED_2024),
  cx31: type(2, 8, 80, "x86", "shared", NOWHERE, RETIRED_2024),
  cx41: type(4, 16, 160, "x86", "shared", NOWHERE, RETIRED_2024),
  cx51: type(8, 32, 240, "x86", "shared", NOWHERE, RETIRED_2024),
});
