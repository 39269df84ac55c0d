import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zlibSync } from "fflate";
import { readAsset } from "../../constructs/host/assets";
import { FILES_ARCHIVE, SEPARATOR } from "../../constructs/host/user-data";
import { decodeBase85, encodeBase85 } from "../../render/base85";

/** What Python, which reads it on a host, makes of a text. */
function readByPython(text: string): Buffer {
  const program = "import base64, sys; sys.stdout.buffer.write(base64.b85decode(sys.stdin.read()))";
  return execFileSync("python3", ["-c", program], { input: text, maxBuffer: 1 << 24 });
}

describe("base 85", () => {
  const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value);

  test.each<[string, Uint8Array]>([
    ...Array.from({ length: 10 }, (_, length): [string, Uint8Array] => [`${length} bytes`, randomBytes(length)]),
    ...[0x00, 0xff].map((value): [string, Uint8Array] => [`nine bytes ${value}`, new Uint8Array(9).fill(value)]),
    ["every byte", everyByte],
    ["every byte, from the end", everyByte.toReversed()],
    ["a mebibyte", randomBytes(1 << 20)],
  ])("of %s is read by Python, and by us", (_, bytes) => {
    const text = encodeBase85(bytes);
    // not by toEqual: a mebibyte takes it seconds
    expect(Buffer.compare(readByPython(text), bytes)).toBe(0);
    expect(Buffer.compare(decodeBase85(text), bytes)).toBe(0);
  });

  test("takes five characters for four bytes, none of which a quoted YAML text could not hold", () => {
    const text = encodeBase85(randomBytes(1 << 16));
    expect(text).toHaveLength((1 << 16) * 1.25);
    expect(text).toMatch(/^[!-~]+$/);
    expect(text).not.toMatch(/['"\\]/);
    expect(new Set(text).size).toBe(85);
  });
});

describe("unpack.py", () => {
  const directory = mkdtempSync(join(tmpdir(), "triplicate-unpack-"));
  const archive = join(directory, "files");

  afterAll(() => rmSync(directory, { recursive: true }));

  function unpack(files: readonly (readonly [path: string, content: string, mode: string, owner: string])[]): void {
    const entries = files.map(([path, ...rest]) => [join(directory, path), ...rest]);
    writeFileSync(archive, encodeBase85(zlibSync(Buffer.from(entries.flat().join(SEPARATOR)))));
    const program = readAsset("unpack.py");
    expect(program).toContain(`"${FILES_ARCHIVE}"`);
    execFileSync("python3", ["-c", program.replace(FILES_ARCHIVE, archive)]);
  }

  test("writes every file with its bytes, mode and owner, and the folders above it; as often as it is run", () => {
    const text = " ü漢🦉 ${HOME} %{x}\n\\ \"'\t\n";
    for (const content of [`${text}more`, text]) {
      unpack([
        ["etc/deep/er/a", content, "0644", "root:root"],
        ["usr/b", "", "1755", "root:daemon"],
      ]);
    }
    expect(readFileSync(join(directory, "etc/deep/er/a"), "utf8")).toBe(text);
    const modes = ["etc/deep/er/a", "usr/b"].map((path) => statSync(join(directory, path)));
    expect(modes.map(({ mode, uid, gid }) => [mode & 0o7777, uid, gid])).toEqual([[0o644, 0, 0], [0o1755, 0, 1]]);
  });
});
