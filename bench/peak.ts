/** Preloaded into what is measured: writes the most memory that the process had, in KiB, to `BENCH_PEAK` at its end. */
import { writeFileSync } from "node:fs";

const { BENCH_PEAK: file } = process.env;
if (file) process.on("exit", () => writeFileSync(file, String(process.resourceUsage().maxRSS)));
