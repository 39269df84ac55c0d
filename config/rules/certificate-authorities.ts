import type { Problem } from "../errors";
import type { Draft } from "./draft";

/** Whether two authorities in a row are trusted and one of them signs. */
export function certificateAuthorities({ certificateAuthority }: Draft): readonly Problem[] {
  const { signing, trusted } = certificateAuthority;
  if (trusted.some(Number.isNaN)) {
    return [];
  }
  const [first, second] = trusted;
  if (trusted.length !== 2 || first === undefined || second !== first + 1) {
    const lowest = trusted.length === 0 ? 1 : Math.min(...trusted);
    const allowed = "two numbers, ascending, one after the other";
    return [{ path: "certificateAuthority.trusted", got: `[${trusted.join(", ")}]`, allowed, fix: `write [${lowest}, ${lowest + 1}]` }];
  }
  if (Number.isNaN(signing) || trusted.includes(signing)) {
    return [];
  }
  const allowed = `one of the trusted, ${trusted.join(", ")}`;
  return [{ path: "certificateAuthority.signing", got: String(signing), allowed, fix: "rotate in two deploys: sign with the next, then forget the old" }];
}
