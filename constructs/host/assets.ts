import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { compactProgram } from "../../render/programs";

/** The package's root: sources and compiled files lie at different depths below it. */
function packageRoot(): string {
  let directory = __dirname;
  while (!existsSync(join(directory, "assets"))) directory = dirname(directory);
  return directory;
}

const contents = new Map<string, string>();

/** A program in `assets/`, by its path there, as it lands on a host: compact. Read once. */
export function readAsset(name: string): string {
  let content = contents.get(name);
  if (content === undefined) {
    content = compactProgram(name, readFileSync(join(packageRoot(), "assets", name), "utf8"));
    contents.set(name, content);
  }
  return content;
}
