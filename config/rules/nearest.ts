/** Beginnings of fewer letters say too little about what was meant. */
const SHORTEST_BEGINNING = 3;

/**
 * The candidate that a misspelt word most likely stands for, or undefined if none is close.
 *
 * Close is a third of the word's letters in edits, at least one and at most three ("sever" is "server", "cat" is not "worker"),
 * or one being the beginning of the other ("size" is "sizeGb"). Of equally close ones the first wins, so that the answer
 * depends on nothing but the list.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.min(3, Math.max(1, Math.floor(word.length / 3)));
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) {
      best = { candidate, distance };
    }
  }
  return best?.candidate ?? candidates.find((candidate) => oneBeginsTheOther(word.toLowerCase(), candidate.toLowerCase()));
}

function oneBeginsTheOther(left: string, right: string): boolean {
  return Math.min(left.length, right.length) >= SHORTEST_BEGINNING && (left.startsWith(right) || right.startsWith(left));
}

/**
 * How many letters to add, remove, exchange or swap with their neighbour to get from one word to the other (optimal string
 * alignment). Swaps count once: "fns1" for "fsn1" is the commonest slip of all.
 */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= to.length; column += 1) {
      const exchange = at(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swap = swapped ? at(row - 2, column - 2) + 1 : Infinity;
      current.push(Math.min(exchange, swap, at(row - 1, column) + 1, at(row, column - 1) + 1));
    }
  }
  return at(from.length, to.length);
}
