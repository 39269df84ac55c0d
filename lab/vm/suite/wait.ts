import { setTimeout as sleep } from "node:timers/promises";

/** How long to wait, and for what. */
export interface Patience {
  readonly timeoutSeconds: number;
  /** For the message: "the worker to be healthy". */
  readonly what: string;
  /** @default 1 */
  readonly intervalSeconds?: number;
}

/** Asks until the answer is good; throws with the last answer, or the last error, when it never was. */
export async function eventually<T>(ask: () => Promise<T>, isGood: (answer: T) => boolean, patience: Patience): Promise<T> {
  const deadline = Date.now() + patience.timeoutSeconds * 1000;
  for (;;) {
    let last: unknown;
    try {
      const answer = await ask();
      if (isGood(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      const text = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`waited ${patience.timeoutSeconds} s for ${patience.what}; last: ${text}`);
    }
    await sleep((patience.intervalSeconds ?? 1) * 1000);
  }
}
