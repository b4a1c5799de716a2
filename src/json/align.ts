import { canonical } from './canonical.ts';
import { equal } from './equal.ts';
import { isArray, isObject, type Json } from './json.ts';
import { Literal } from './literal.ts';

/** Which element of one list goes on as which of another. */
export interface Alignment {
  /** For each new element the index of the old one that it continues, or -1. No old one is named twice. */
  readonly match: readonly number[];
  /** How many elements at the beginning, and at the end, are equal and in their places. */
  readonly prefix: number;
  readonly suffix: number;
}

/**
 * Finds the old element behind each new one, so that one that was added, removed or moved leaves the others as they are.
 * What is equal at both ends is set aside. Between them records go by their identity where they have one, everything else
 * by its content; what is left is taken for an edit if it stands in the same gap. Linear in the size of both.
 */
export function align(from: readonly Json[], to: readonly Json[]): Alignment {
  const shorter = Math.min(from.length, to.length);
  let prefix = 0;
  while (prefix < shorter && equal(from[prefix], to[prefix])) prefix++;
  let suffix = 0;
  while (suffix < shorter - prefix && equal(from[from.length - 1 - suffix], to[to.length - 1 - suffix]))
    suffix++;

  const shift = from.length - to.length;
  const match = to.map((_, at) => (at < prefix ? at : at >= to.length - suffix ? at + shift : -1));
  const olds = from.slice(prefix, from.length - suffix);
  const news = to.slice(prefix, to.length - suffix);
  for (const [at, old] of middle(olds, news).entries()) if (old !== -1) match[prefix + at] = prefix + old;
  return { match, prefix, suffix };
}

function middle(olds: readonly Json[], news: readonly Json[]): number[] {
  if (olds.length === 0 || news.length === 0) return news.map(() => -1);
  const keyOf = identityIn(olds, news) ?? canonical;
  const places = new Map<string, number[]>();
  for (const [at, old] of [...olds.entries()].reverse()) {
    const key = keyOf(old);
    const same = places.get(key);
    if (same === undefined) places.set(key, [at]);
    else same.push(at);
  }
  const match = news.map((each) => places.get(keyOf(each))?.pop() ?? -1);
  const taken = new Set(match);
  let last = -1;
  return match.map((found, at) => {
    const next = last + 1;
    const isEdit =
      found === -1 && next < olds.length && !taken.has(next) && kind(olds[next]) === kind(news[at]);
    last = isEdit ? next : found === -1 ? last : found;
    return isEdit ? next : found;
  });
}

/** What tells the records of both lists apart: the first of these members that is there, and unique, in all of each. */
function identityIn(olds: readonly Json[], news: readonly Json[]): ((record: Json) => string) | undefined {
  const field = ['id', 'key', 'name'].find((name) => isUnique(olds, name) && isUnique(news, name));
  return field === undefined ? undefined : (record) => identity(record, field) as string;
}

function isUnique(records: readonly Json[], field: string): boolean {
  const seen = new Set(records.map((record) => identity(record, field)));
  return seen.size === records.length && !seen.has(undefined);
}

function identity(record: Json, field: string): string | undefined {
  if (!isObject(record) || !Object.hasOwn(record, field)) return undefined;
  const value = record[field];
  return typeof value === 'string' || typeof value === 'number' || value instanceof Literal
    ? canonical(value)
    : undefined;
}

function kind(value: Json | undefined): string {
  if (value instanceof Literal) return 'number';
  return isArray(value) ? 'array' : value === null ? 'null' : typeof value;
}
