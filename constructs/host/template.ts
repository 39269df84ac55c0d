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
  return parts.map((part, index) => (isToken(index) ? part : escapeLiteral(part, index < parts.length - 1))).join("");
}

/** Whether the text still holds a value that only Terraform knows. */
export function holdsToken(text: string): boolean {
  return TOKEN.test(text);
}

/** The text with each token replaced: how long, and how equal, a text is apart from what Terraform fills in. */
export function replaceTokens(text: string, replacement: (token: string) => string): string {
  return text
    .split(TOKEN)
    .map((part, index) => (isToken(index) ? replacement(part) : part))
    .join("");
}

/** `split` by a pattern with one group puts the separators, here the tokens, at the odd places. */
function isToken(index: number): boolean {
  return index % 2 === 1;
}

/** A literal that ends in `$` or `%` right before a token would turn the token's `${` into an escape. */
function escapeLiteral(literal: string, beforeToken: boolean): string {
  const escaped = literal.replaceAll("${", "$${").replaceAll("%{", "%%{");
  return beforeToken ? escaped.replace(/[$%]$/, (sign) => `\${"${sign}"}`) : escaped;
}
