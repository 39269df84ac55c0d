/** The sum; NaN as soon as one of them is, so that no rule takes what could not be read for zero. */
export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
