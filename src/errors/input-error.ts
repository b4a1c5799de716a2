import { HoldfastError } from './base.ts';
import { printable } from './describe.ts';

/** An option, name, path or environment variable that cannot be used. Nothing has been touched. */
export class InputError extends HoldfastError {
  static override readonly code = 'HOLDFAST_INPUT';
  /** What was wrong: the option's or variable's name. */
  readonly input: string;

  constructor(input: string, problem: string) {
    super(InputError.code, `${input} ${problem}.`);
    this.input = input;
  }
}

function textOf(value: unknown): string {
  try {
    return Array.isArray(value) ? `[${String(value)}]` : String(value);
  } catch {
    return 'an object that cannot be shown'; // one without a prototype, for one
  }
}

/** A value as it can stand in an error message: short, quoted, harmless to a terminal. */
export function shown(value: unknown): string {
  const safe = printable(typeof value === 'string' ? JSON.stringify(value) : textOf(value));
  return safe.length > 80 ? `${safe.slice(0, 77)}…` : safe;
}
