import { isArray, isObject, type Json, type JsonObject } from '../json/json.ts';
import { Literal } from '../json/literal.ts';
import { memberOf, type Sides } from './values.ts';

/** The three versions of one array; that of the base is empty where there is none. */
export interface Arrays {
  readonly base: readonly Json[];
  readonly ours: readonly Json[];
  readonly theirs: readonly Json[];
}

export function arraysOf({ base = [], ours, theirs }: Sides): Arrays | undefined {
  return isArray(base) && isArray(ours) && isArray(theirs) ? { base, ours, theirs } : undefined;
}

/** The records of each version by what tells them apart, in their order. 1 and "1" are two keys. */
export interface Records {
  readonly base: ReadonlyMap<Json, JsonObject>;
  readonly ours: ReadonlyMap<Json, JsonObject>;
  readonly theirs: ReadonlyMap<Json, JsonObject>;
}

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

/** The key as it stands in a path: a literal by its text, for a number could be that of another one. */
export function stepOf(key: Json): string | number {
  return typeof key === 'number' ? key : String(key);
}

function areObjects(elements: readonly Json[]): elements is readonly JsonObject[] {
  return elements.every(isObject);
}

type Found = ReadonlyMap<Json, JsonObject> | 'missing' | 'duplicate';

/** @param literals the first one of each text, which stands for all */
function byField(records: readonly JsonObject[], field: string, literals: Map<string, Literal>): Found {
  const found = new Map<Json, JsonObject>();
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
