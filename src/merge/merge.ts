import { InputError, shown } from '../errors/input-error.ts';
import { assertJson } from '../json/assert-json.ts';
import type { Json } from '../json/json.ts';
import { checkGiven, checkNames, flag, namesOf, object } from '../lock/known-options.ts';
import type { Merged } from './result.ts';
import { compileRules, type Rules } from './rules.ts';
import { checkStrategy, type Strategy } from './strategy.ts';
import type { Side } from './values.ts';
import { type Fields, Walk } from './walk.ts';

export interface MergeOptions {
  /**
   * The members by which the records of an array are told apart, tried in this order, and then `id`, `key` and `name`. The
   * first one that is a text or a number in all records, and unique in each version, counts.
   */
  readonly identity?: string | readonly string[] | undefined;
  /**
   * What becomes of values that both sides changed, by pattern: `{ 'roles[].seats': 'sum', 'limits.*': 'max' }`. `[]` is any
   * element, `*` a member of any name, `**` any number of steps. A pattern matches the end of a path, unless it begins
   * with `$`, the root. The first one that matches counts.
   */
  readonly strategies?: Readonly<Record<string, Strategy>> | undefined;
  /** Patterns of members that are no change by themselves, times of the last change say: the strategy `volatile`. */
  readonly volatile?: string | readonly string[] | undefined;
  /** Whether it is a conflict, and no mere note, when both moved elements so that no order suits both. Default: false. */
  readonly strictOrder?: boolean | undefined;
}

/**
 * Merges two edits of one JSON value. `undefined` stands for a value that is not there.
 *
 * Guarantees, for any values and without functions among the strategies:
 * - It never throws on JSON, and changes none of its arguments. The result shares what is unchanged with them.
 * - Where only one side changed anything, the result is that side; where both made the same change, that, but for `sum`.
 * - A clean merge has each change that one side alone made, and no other.
 * - A clean merge of the sides the other way round gives the same text, unless a strategy takes a side (`ours`, `theirs`).
 * - The same arguments always give the same result.
 * - It takes linear time where one side moved nothing; else the number of elements times that of moved ones.
 *
 * It does not know what a value means: two changes that are fine one by one can be wrong together. Check the result.
 *
 * @throws {InputError} for what is not JSON, and for options that are wrong. What a strategy throws passes through.
 */
export function merge<Value = Json>(
  base: Value | undefined,
  ours: Value,
  theirs: Value,
  options: MergeOptions = {},
): Merged<Value> {
  const { rules, fields } = check(options);
  for (const [name, value] of Object.entries({ base, ours, theirs })) {
    if (value !== undefined) assertJson(value, name);
  }
  const walk = new Walk(fields, options);
  const sides = { base: base as Side, ours: ours as Side, theirs: theirs as Side };
  const value = walk.merge(sides, rules) as Value;
  return { value, conflicts: walk.report.conflicts, notes: walk.report.notes };
}

const KNOWN = namesOf<MergeOptions>({ identity: true, strategies: true, volatile: true, strictOrder: true });
const INFERRED = ['id', 'key', 'name'];

function check(options: MergeOptions): { readonly rules: Rules; readonly fields: Fields } {
  checkNames(options, KNOWN);
  checkGiven(options, { strategies: object, strictOrder: flag });
  const { strategies = {} } = options;
  for (const [pattern, strategy] of Object.entries(strategies)) {
    checkStrategy(`strategies[${shown(pattern)}]`, strategy);
  }
  const volatile = words('volatile', options.volatile).map((pattern) => [pattern, 'volatile'] as const);
  const configured = words('identity', options.identity);
  const inferred = INFERRED.filter((field) => !configured.includes(field));
  return {
    rules: compileRules([...Object.entries(strategies), ...volatile]),
    fields: { configured, inferred },
  };
}

/** One text, or several. */
function words(option: string, given: string | readonly string[] = []): readonly string[] {
  const all = typeof given === 'string' ? [given] : given;
  if (Array.isArray(all) && all.every((word) => typeof word === 'string' && word !== '')) return all;
  throw new InputError(option, `must be a text or several, got ${shown(given)}`);
}
