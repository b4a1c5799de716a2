/** A replacer for JSON that is told: of its numbers, only spans are no whole ones, and nobody reads parts of a millisecond. */
export function inWhole(_key: string, value: unknown): unknown {
  const isPart = typeof value === 'number' && Number.isFinite(value) && !Number.isInteger(value);
  return isPart ? Math.round(value) : value;
}
