import { isArray, isObject, type Json, type JsonObject } from '../json/json.ts';
import { Literal } from '../json/literal.ts';
import { memberOf } from '../json/values.ts';
import type { Sides } from './values.ts';

/** The three versions of one array; that of the base is empty where there is none. */
export type Arrays = Readonly<Record<keyof Sides, readonly Json[]>>;

export function arraysOf({ base = [], ours, theirs }: Sides): Arrays | undefined {
  return isArray(base) && isArray(ours) && isArray(theirs) ? { base, ours, theirs } : undefined;
}

/** What tells a record apart. 1 and "1" are two keys. */
type Key = string | number | Literal;

/** The records of each version by their keys, in their order. */
export type Records = Readonly<Record<keyof Sides, ReadonlyMap<Key, JsonObject>>>;

type Identified =
  | { readonly field: string; readonly records: Records }
  /** `duplicate`: the field that would tell them apart, had it no value twice. */
  | { readonly records?: undefined; readonly duplicate?: string };

/** By the first of these fields that is a text or a number in every element, and unique in each version. */
export function identify({ base, ours, theirs }: Arrays, fields: readonly string[]): Identified {
  let duplicate: string | undefined;
  if (!areObjects(base) || !areObjects(ours) || !areObjects(theirs)) return {};
  for (const field of fields) {
    const literals = new Map<string, Literal>();
    const b = byField(base, field, literals);
    const o = byField(ours, field, literals);
    const t = byField(theirs, field, literals);
    if (b === 'missing' || o === 'missing' || t === 'missing') continue;
    if (b !== 'duplicate' && o !== 'duplicate' && t !== 'duplicate') {
      return { field, records: { base: b, ours: o, theirs: t } };
    }
    duplicate ??= field;
  }
  return duplicate === undefined ? {} : { duplicate };
}

function areObjects(elements: readonly Json[]): elements is readonly JsonObject[] {
  return elements.every(isObject);
}

type Found = ReadonlyMap<Key, JsonObject> | 'missing' | 'duplicate';

/** @param literals the first one of each text, which stands for all */
function byField(records: readonly JsonObject[], field: string, literals: Map<string, Literal>): Found {
  const found = new Map<Key, JsonObject>();
  for (const record of records) {
    const value = memberOf(record, field);
    if (typeof value === 'string' || typeof value === 'number') found.set(value, record);
    else if (value instanceof Literal) {
      const key = literals.get(value.text) ?? value;
      literals.set(value.text, key);
      found.set(key, record);
    } else return 'missing';
  }
  return found.size === records.length ? found : 'duplicate';
}
