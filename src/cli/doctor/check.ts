import { systemCode } from '../../errors/base.ts';
import { duration } from '../../errors/describe.ts';
import { isFull } from '../../errors/exhaustion.ts';
import { hrtime } from '../../time/time.ts';
import { wordsOf } from '../report.ts';

/** One thing that was tried. `note` is neither good nor bad; `warn` costs comfort or speed; `fail` is not safe. */
export interface Check {
  readonly name: string;
  readonly mark: 'ok' | 'note' | 'warn' | 'fail';
  /** What was found, in words. */
  readonly says: string;
  /** What to do about it. */
  readonly next?: string;
}

/** A trial, with its name put to whatever comes of it; an error that nobody expected is a failure. */
export async function attempt(
  name: string,
  trial: () => Omit<Check, 'name'> | Promise<Omit<Check, 'name'>>,
): Promise<Check> {
  try {
    return { name, ...(await trial()) };
  } catch (error) {
    const says = wordsOf(error);
    if (!isFull(systemCode(error))) return { name, mark: 'fail', says };
    return { name, mark: 'warn', says: `not tried: ${says}`, next: 'Free some space, and ask again.' };
  }
}

/** Spans below 10 ms with a digit more than `duration` gives them. */
export function span(ms: number): string {
  return ms < 10 ? `${Math.max(0, ms).toFixed(1)}ms` : duration(ms);
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Milliseconds on the clock that all processes of a machine share. */
export function monotonic(): number {
  return Number(hrtime()) / 1e6;
}
