import { InputError, shown } from '../errors/input-error.ts';
import { didYouMean } from '../errors/suggest.ts';
import type { Json } from '../json/json.ts';
import type { Path } from '../json/path.ts';

/** What a function of `strategies` returns when a person has to decide. */
export const CONFLICT: unique symbol = Symbol('holdfast.conflict');

/**
 * Decides a value that both sides changed; `undefined` stands for a value that is not there, among the arguments and as
 * the result. It is called with the values as they are, and must not change them.
 */
export type Decide = (
  base: Json | undefined,
  ours: Json | undefined,
  theirs: Json | undefined,
  place: { readonly path: Path; readonly text: string },
) => Json | undefined | typeof CONFLICT;

/** An array whose elements are records, told apart by one member. */
export interface Keyed {
  readonly keyed: string;
}

/**
 * What becomes of a value that both sides changed, each in its own way:
 * - `ours`, `theirs`, `base`: that one.
 * - `max`, `min`: the greater or the smaller one of two numbers, or of two texts; times in ISO 8601 go by the time they mean.
 * - `sum`: of numbers, both changes of the base, which are two also where they are equal.
 * - `set`: of arrays, each element is in or out as the side says that changed it.
 * - `list`: of arrays, both edits where they lie apart, as lines of a text are merged.
 * - `atomic`: a conflict; arrays and objects are not looked into.
 * - `keyed('id')`: of arrays, record by record.
 * - `volatile`, `ignore`: the later one, and a change of nothing else counts as no change of what is around it.
 *
 * Where it does not fit the three values (the sum of a text, say), the usual rules decide.
 */
export type Strategy = (typeof NAMES)[number] | Keyed | Decide;

/** Where one of these decides, no other strategy decides below. */
const WHOLE = ['ours', 'theirs', 'base', 'set', 'list', 'atomic', 'volatile', 'ignore'] as const;
const NAMES = [...WHOLE, 'max', 'min', 'sum'] as const;

/** The strategy for an array of records that the member `field` tells apart. */
export function keyed(field: string): Keyed {
  return { keyed: field };
}

export function fitsArraysOnly(strategy: Strategy): boolean {
  return strategy === 'set' || strategy === 'list' || typeof strategy === 'object';
}

/** Whether it decides a value with all that is in it. */
export function decidesAll(strategy: Strategy | undefined): boolean {
  return typeof strategy === 'function' || (WHOLE as readonly unknown[]).includes(strategy);
}

/** @throws {InputError} for what is no strategy. */
export function checkStrategy(input: string, strategy: unknown): asserts strategy is Strategy {
  if (typeof strategy === 'function') return;
  if (typeof strategy === 'string') {
    if ((NAMES as readonly string[]).includes(strategy)) return;
    throw new InputError(input, `is no strategy: ${shown(strategy)}${didYouMean(strategy, NAMES)}`);
  }
  if (typeof (strategy as Partial<Keyed> | null)?.keyed === 'string') return;
  throw new InputError(
    input,
    `must be the name of a strategy, keyed('field') or a function, got ${shown(strategy)}`,
  );
}
