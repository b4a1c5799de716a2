import { compareValues, typeOf } from '../json/order.ts';
import { Date } from '../time/time.ts';
import type { Strategy } from './strategy.ts';
import type { Side } from './values.ts';

/** What a strategy for single values makes of three; undefined where it does not fit them, or is of another kind. */
export function decide(
  strategy: Strategy | undefined,
  base: Side,
  ours: Side,
  theirs: Side,
): { readonly value: Side } | undefined {
  switch (strategy) {
    case 'ours':
      return { value: ours };
    case 'theirs':
      return { value: theirs };
    case 'base':
      return { value: base };
    case 'volatile':
    case 'ignore':
      return { value: later(ours, theirs) };
    case 'max':
      return areComparable(ours, theirs) ? { value: later(ours, theirs) } : undefined;
    case 'min':
      return areComparable(ours, theirs)
        ? { value: later(ours, theirs) === ours ? theirs : ours }
        : undefined;
    case 'sum':
      return sum(base, ours, theirs);
    default:
      return undefined;
  }
}

function areComparable(a: Side, b: Side): boolean {
  if (a === undefined || b === undefined || typeOf(a) !== typeOf(b)) return false;
  return typeOf(a) === 'number' || typeOf(a) === 'string';
}

/** Both changes of the base, in a form in which the order of the sides does not count. */
function sum(base: Side, ours: Side, theirs: Side): { readonly value: number } | undefined {
  const start = base === undefined ? 0 : base;
  if (typeof start !== 'number' || typeof ours !== 'number' || typeof theirs !== 'number') return undefined;
  const value = ours + theirs - start;
  return Number.isFinite(value) ? { value } : undefined;
}

/** The greater of two values, of two times the later one; what is there goes before what is not. */
export function later(a: Side, b: Side): Side {
  if (a === undefined) return b;
  if (b === undefined) return a;
  const byTime = timeOf(a) - timeOf(b);
  const order = Number.isNaN(byTime) || byTime === 0 ? compareValues(a, b) : byTime;
  return order > 0 ? a : b;
}

const ISO_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** Milliseconds; not a number for what is no time, or depends on where it is read. */
function timeOf(value: Side): number {
  return typeof value === 'string' && ISO_TIME.test(value) ? Date.parse(value) : Number.NaN;
}
