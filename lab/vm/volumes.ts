import { closeSync, existsSync, mkdirSync, openSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";

import type { DriverVolume } from "hetzner-local";

const GIB = 1024 ** 3;

/** Volumes as raw sparse files, which outlive machines. */
export class Volumes {
  constructor(private readonly directory: string) {
    mkdirSync(directory, { recursive: true });
  }

  fileOf(id: number): string {
    return join(this.directory, `${id}.raw`);
  }

  /** The file, as large as the volume is now; made if there is none. */
  ensure({ id, sizeGb }: DriverVolume): string {
    const file = this.fileOf(id);
    if (!existsSync(file)) closeSync(openSync(file, "w"));
    truncateSync(file, sizeGb * GIB);
    return file;
  }

  delete({ id }: DriverVolume): void {
    rmSync(this.fileOf(id), { force: true });
  }
}
