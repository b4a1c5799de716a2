/**
 * A number of a text that a double cannot hold, as it was written: `12345678901234567890`, `1e400`, `-0`. It is compared
 * by its text and written back as it stood. `1.0` and `1e2` are no literals, for a double holds their value.
 */
export class Literal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The nearest double; `Infinity` where the number is too large. */
  valueOf(): number {
    return Number(this.text);
  }

  toString(): string {
    return this.text;
  }
}

/** The value of a number as JSON writes it: a double, where the shortest text of that double means the same number. */
export function numberOf(text: string): number | Literal {
  const value = Number(text);
  const shortest = String(value);
  if (text === shortest) return value;
  if (Number.isFinite(value) && !Object.is(value, -0) && decimal(text) === decimal(shortest)) return value;
  return new Literal(text);
}

/** One above the highest whole number there is, from 1, however many digits that has. */
export function nextWhole(values: readonly unknown[]): number | Literal {
  let highest = 0n;
  for (const value of values) {
    const text = typeof value === 'number' || value instanceof Literal ? String(value) : '';
    if (/^\d+$/.test(text) && BigInt(text) > highest) highest = BigInt(text);
  }
  return numberOf(String(highest + 1n));
}

/** One spelling for each number: its digits without zeros at both ends, and the power of ten of the last one. */
function decimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = trimZeros(digits);
  if (significant === '') return '0';
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

/** `/0+$/` takes quadratic time on digits with many runs of zeros. */
function trimZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end--;
  return digits.slice(0, end);
}
