/**
 * What lands on a host of a program: all but what only its readers need, since a host's user_data is small. Statements, names
 * and strings stay as they are, so that a traceback can be read beside the source.
 *
 * It knows where strings and comments begin and end, and nothing else of a language.
 *
 * @param path Its suffix says the language: `.py` or `.sh`. Anything else stays as it is.
 * @throws Error on what it does not understand; the message names the line.
 */
export function compactProgram(path: string, source: string): string {
  if (path.endsWith(".py")) return compactPython(path, source);
  if (path.endsWith(".sh")) return compactShell(path, source);
  return source;
}

/** In order: a docstring, a string within a line, a comment, brackets, and what is then part of none of these. */
const PYTHON =
  /((?<=^ *)"""(?:\\[^]|[^\\])*?"""$)|"(?!"")(?:\\.|[^"\\\n])*"|'(?!'')(?:\\.|[^'\\\n])*'|( *#.*)|([([{])|([)\]}])|(["'\\])/gm;

/** Without comments, docstrings and blank lines, and with one space for each level of indentation. */
function compactPython(path: string, source: string): string {
  let depth = 0;
  const compact = (text: string, docstring = "", comment = "", open = "", close = "", unknown = "", offset: number): string => {
    depth += open.length - close.length;
    if (unknown || (docstring && depth > 0)) throw notUnderstood(path, source, offset, "a string of several lines in a statement, or '\\'");
    if (comment) return offset === 0 ? text : "";
    return docstring ? "pass" : text;
  };
  const lines = source
    .replaceAll(PYTHON, compact)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const odd = lines.find((line) => !/^(?: {4})*\S/.test(line));
  if (odd !== undefined) throw notUnderstood(path, source, source.indexOf(`\n${odd}`) + 1, "indentation that is not by four spaces");
  // what was a docstring is needed only where a body has nothing else
  const needed = lines.filter((line, index) => line.trim() !== "pass" || indentation(line) !== indentation(lines[index + 1] ?? ""));
  return needed.map((line) => `${line.replaceAll(/ {4}/gy, " ")}\n`).join("");
}

function indentation(line: string): number {
  return line.length - line.trimStart().length;
}

/** In order: a line without a command, strings, a quoted character, a comment after a command, and what is part of none. */
const SHELL = /(^[ \t]*(?:#.*)?\n)|'[^']*'|"(?:\\[^]|[^"\\])*"|\\(?!\n[ \t]*[#\n])[^]|(?<=[ \t;])#.*|(<<|["'\\])/gm;

/** Without lines that are blank or a comment. */
function compactShell(path: string, source: string): string {
  return source.replaceAll(SHELL, (text: string, line = "", unknown = "", offset: number) => {
    if (unknown) throw notUnderstood(path, source, offset, "a here-document, a quote without end, or a continued line without command");
    return line && offset > 0 ? "" : text;
  });
}

function notUnderstood(path: string, source: string, offset: number, what: string): Error {
  return new Error(`${path}:${source.slice(0, offset).split("\n").length}: can't be made compact: ${what}`);
}
