import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** Runs the tests of a Python file in this folder, each as one of jest's. */
export function runPythonTests(file: string, missing?: string): void {
  const source = readFileSync(join(__dirname, file), "utf8");
  const [, suite] = /^class (\w+)\(unittest\.TestCase\)/m.exec(source)!;
  const names = [...source.matchAll(/^ {4}def (test_\w+)/gm)].map(([, name]) => name);
  const title = (name: string) => name.slice("test_".length).replaceAll("_", " ") + (missing ? ` (skipped: ${missing})` : "");
  for (const name of names) {
    (missing ? test.skip : test)(title(name), () => {
      const environment = { ...process.env, PYTHONDONTWRITEBYTECODE: "1" };
      const { status, stderr } = spawnSync("python3", ["-m", "unittest", `${basename(file, ".py")}.${suite}.${name}`], { cwd: __dirname, env: environment, encoding: "utf8" });
      expect([status, status === 0 ? "" : stderr]).toEqual([0, ""]);
      expect(stderr).not.toContain("skipped");
    }, 30_000);
  }
}

/** Says which of some programs is not on this machine, if one is not. */
export function missingProgram(...programs: readonly string[]): string | undefined {
  const absent = programs.find((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0);
  return absent && `there is no ${absent}`;
}
