import type { Problem } from "../errors";
import type { Draft } from "./draft";

/** Whether there is a key before the current one, where it shall be accepted. */
export function diskKeys({ diskKey }: Draft): readonly Problem[] {
  if (!diskKey.acceptPrevious || diskKey.generation !== 1) {
    return [];
  }
  const fix = "raise diskKey.generation to 2, or leave acceptPrevious out";
  return [{ path: "diskKey.acceptPrevious", got: "true", allowed: "false, as generation 1 has none before it", fix }];
}
