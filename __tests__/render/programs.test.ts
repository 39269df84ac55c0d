import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compactProgram } from "../../render/programs";

const ASSETS = join(__dirname, "../../assets");

/** Every program of ours: path, source, and what lands on a host. */
const programs = readdirSync(ASSETS, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((file): [path: string, source: string, compact: string] => {
    const source = readFileSync(file, "utf8");
    return [file.slice(ASSETS.length + 1), source, compactProgram(file, source)];
  });
const inPython = programs.filter(([path]) => path.endsWith(".py"));
const inShell = programs.filter(([path]) => path.endsWith(".sh"));

/** Prints the syntax tree of a program, without docstrings. */
const SYNTAX_TREE = `
import ast, sys
tree = ast.parse(sys.stdin.read())
for node in ast.walk(tree):
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(node) is not None:
        node.body = node.body[1:] or [ast.Pass()]
print(ast.dump(tree, indent=1))
`;

function pythonTree(source: string): string {
  return execFileSync("python3", ["-W", "error", "-c", SYNTAX_TREE], { input: source, encoding: "utf8", maxBuffer: 1 << 26 });
}

/** The commands as Bash has understood them. */
function shellCommands(source: string): string {
  return execFileSync("bash", ["-c", `eval "program() {\n$(cat)\n}"; declare -f program`], { input: source, encoding: "utf8" });
}

describe("a program as it lands on a host", () => {
  test("is of a language that is known", () => {
    expect(programs.filter((program) => !inPython.includes(program) && !inShell.includes(program))).toEqual([]);
    expect(Math.min(inPython.length, inShell.length)).toBeGreaterThan(3);
  });

  test("can be told from one that does something else", () => {
    expect(pythonTree('def a():\n    "b"\n    c\n')).toBe(pythonTree("def a():\n c\n"));
    expect(pythonTree("def a():\n c\n")).not.toBe(pythonTree("def a():\n c()\n"));
    expect(shellCommands("# a\nb 'c  d'\n")).toBe(shellCommands("b 'c  d'\n"));
    expect(shellCommands("b 'c  d'\n")).not.toBe(shellCommands("b 'c d'\n"));
  });

  test.each(inPython)("%s says the same to Python", (_, source, compact) => {
    expect(pythonTree(compact)).toBe(pythonTree(source));
  });

  test.each(inShell)("%s says the same to a shell", (_, source, compact) => {
    const commands = (text: string) => text.split("\n").filter((line) => !/^\s*(#(?!!)|$)/.test(line));
    expect(shellCommands(compact)).toBe(shellCommands(source));
    expect(commands(compact)).toEqual(commands(source));
    execFileSync("sh", ["-n"], { input: compact });
  });

  test.each(programs)("%s has no line for readers only", (_, source, compact) => {
    const [first, ...lines] = compact.split("\n");
    expect(lines.pop()).toBe("");
    expect(lines.filter((line) => /^\s*(#|"""|$)/.test(line))).toEqual([]);
    expect(first.startsWith("#!")).toBe(source.startsWith("#!"));
  });
});

describe("Python", () => {
  const python = (...lines: string[]) => compactProgram("a.py", lines.map((line) => `${line}\n`).join(""));

  test("keeps what only looks like a comment or a docstring", () => {
    const lines = ['a = "# \\" #"', "b = '#\"\"\"#'", "c = f\"{a['#']}#\"", 'd = "" ""', "e = ''", 'f = r"\\d#"'];
    expect(python(...lines)).toBe(lines.map((line) => `${line}\n`).join(""));
  });

  test("loses comments wherever they are, but not the first line", () => {
    expect(python("#!/usr/bin/env python3", "# why", "a = [  # it's", "    1,  # one", "]", "", "    # odd", "# end")).toBe("#!/usr/bin/env python3\na = [\n 1,\n]\n");
  });

  test("loses docstrings, and has a statement where there was nothing else", () => {
    const lines = ['"""Of the', "", '# module."""', "class A(B):", '    """A \\""" quote."""', "", "    def b(self):", '        """Nothing."""', "", "    def c(self):", '        """Something."""', "        return 1", "", "class D:", '    """Last."""'];
    expect(python(...lines)).toBe("class A(B):\n def b(self):\n  pass\n def c(self):\n  return 1\nclass D:\n pass\n");
  });

  test.each([
    [["a = 1", 'b = """', 'x"""']],
    [["a = 1", "b = '''x'''"]],
    [["a(", '    """x"""', ")"]],
    [["a = 1", 'b = r"""x"""']],
    [["a = 1", "b = 1 + \\", "    2"]],
    [["a = 1", 'b = "x']],
    [["a = 1", "b = 'x\\", "y'"]],
  ])("refuses %j, naming the line", (lines) => {
    expect(() => python(...lines)).toThrow(/^a\.py:2: can't be made compact: a string of several lines in a statement, or '\\'$/);
  });

  test.each(["  b = 1", "\tb = 1", "     b = 1"])("refuses the indentation of %j", (line) => {
    expect(() => python("if a:", line)).toThrow(/^a\.py:2: can't be made compact: indentation that is not by four spaces$/);
  });
});

describe("shell", () => {
  const shell = (...lines: string[]) => compactProgram("a.sh", lines.map((line) => `${line}\n`).join(""));

  test("loses lines without a command, and nothing else", () => {
    const kept = ["#!/bin/sh", "echo \"# it's\" '#' $# \\' \\# a#b # it's", "\techo 'two", "", "# lines' \"$(echo \"x\")\" \\", "\tmore"];
    expect(shell(kept[0], "# why", "", ...kept.slice(1), "\t# isn't", "  ")).toBe(kept.map((line) => `${line}\n`).join(""));
  });

  test.each([
    [["a", "cat <<E", "# x", "E"]],
    [["a", "echo 'x"]],
    [["a", 'echo "x']],
    [["a", "b \\", "# c", "d"]],
    [["a", "b \\", "", "d"]],
  ])("refuses %j, naming the line", (lines) => {
    expect(() => shell(...lines)).toThrow(/^a\.sh:2: can't be made compact: a here-document, a quote without end, or a continued line without command$/);
  });
});

test("anything else stays as it is", () => {
  expect(compactProgram("a.conf", "# a\n\n\tb\n")).toBe("# a\n\n\tb\n");
});
