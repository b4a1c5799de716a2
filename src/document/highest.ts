/** The highest number there is, or 0. Not `Math.max`, which takes some hundred thousand values and no more. */
export function highest(values: readonly unknown[]): number {
  return values.reduce<number>((most, each) => (typeof each === 'number' && each > most ? each : most), 0);
}
