import { Fn, ref, Token } from "cdktf";

/** A token as CDKTF leaves it in a string, to be replaced by a Terraform expression. */
const TOKEN = /(\$\{TfToken\[[^\]]+\]\})/;

/**
 * Makes text literal for Terraform: `${` and `%{` would start a template in any string of a Terraform configuration.
 *
 * Tokens in the text stay live. (`Fn.rawString` is no substitute: outside of function arguments it writes `\n` for a
 * newline and leaves `%{` alone.)
 */
export function escapeTemplate(text: string): string {
  const parts = text.split(TOKEN);
  if (parts.length === 1) return escapeLiteral(text);
  return parts.map((part, index) => (isToken(index) ? part : escapeBeside(part, index < parts.length - 1))).join("");
}

/** Every other shape in which CDKTF leaves a token in a text: lists, maps, and numbers, which it encodes as huge negative ones. */
const OTHER_TOKEN = /[#&]\{TfToken\[|-8\.1\d+e\+298|-1\.8\d+e\+289/;

/** Whether the text still holds a value that only Terraform knows. */
export function holdsToken(text: string): boolean {
  return TOKEN.test(text) || OTHER_TOKEN.test(text);
}

/** The text with each token replaced: how long, and how equal, a text is apart from what Terraform fills in. */
export function replaceTokens(text: string, replacement: (token: string) => string): string {
  return text
    .split(TOKEN)
    .map((part, index) => (isToken(index) ? replacement(part) : part))
    .join("");
}

/**
 * A text as an argument of a Terraform function, as one token. CDKTF itself leaves quotes, backslashes and newlines of such a
 * text as they are, which is no valid configuration.
 */
export function functionArgument(text: string): string {
  const parts = text.split(TOKEN).flatMap((part, index) => (isToken(index) ? [part] : part === "" ? [] : [stringLiteral(part)]));
  return parts.length === 1 ? parts[0] : Fn.join("", parts);
}

/** A string literal of Terraform's language, which knows fewer escapes than JSON; a harmless text as it is. */
function stringLiteral(text: string): string {
  if (/^[\w .,:/=@-]*$/.test(text)) return text;
  const json = JSON.stringify(escapeLiteral(text));
  return Token.asString(ref(json.replace(/\\./g, (escape) => ({ "\\b": "\\u0008", "\\f": "\\u000c" })[escape] ?? escape)));
}

/** `split` by a pattern with one group puts the separators, here the tokens, at the odd places. */
function isToken(index: number): boolean {
  return index % 2 === 1;
}

/** A function replaces, because `$$` in a replacement text would stand for one `$`. */
function escapeLiteral(literal: string): string {
  return literal.replaceAll(/[$%]\{/g, (opening) => `${opening[0]}${opening}`);
}

/**
 * Escapes a literal in a text with tokens. After a `$${` CDKTF would take a token for part of an expression that is open
 * already, so `$` becomes an expression of its own there; and a `$` or `%` right before a token would escape the token's `${`.
 */
function escapeBeside(literal: string, isBeforeToken: boolean): string {
  const quoted = literal.replaceAll("%{", "%%{").replaceAll(/(\$+)\{/g, (_, signs: string) => `\${"${signs}"}{`);
  return isBeforeToken ? quoted.replace(/[$%]+$/, (signs) => `\${"${signs}"}`) : quoted;
}
