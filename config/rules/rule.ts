import type { Problem } from "../errors";
import type { Draft } from "./draft";

/** A rule looks at a draft and says what is wrong. Rules are pure and know nothing of each other. */
export type Rule = (draft: Draft) => readonly Problem[];

/** A value in quotes, as messages show it. */
export function quote(value: string): string {
  return JSON.stringify(value);
}
