import { isArray, isObject, type Json } from './json.ts';
import { Literal } from './literal.ts';
import type { Path } from './path.ts';
import { hasLiteral } from './values.ts';

/** Doubles that stand for several numbers of a document, with the texts of those. */
export type SharedDoubles = ReadonlyMap<number, ReadonlySet<string>>;

/** A number so high that a double may stand for others, too. */
export function isBeyondDoubles(number: unknown): boolean {
  return typeof number !== 'string' && Math.abs(Number(number)) > Number.MAX_SAFE_INTEGER;
}

/** Whether a path has such a number as the identity of a record: it cannot be looked up in what programs get. */
export function namesBeyondDoubles(path: Path): boolean {
  return path.some((step) => typeof step === 'object' && Object.values(step).some(isBeyondDoubles));
}

/**
 * The numbers of a document beyond 2^53, of which a double holds not all: 1234567890123456781 and 1234567890123456782 are
 * one to a program. Fractions are left out: they are amounts, and tell no records apart.
 */
export function sharedDoubles(document: Json): SharedDoubles {
  const all = new Map<number, Set<string>>();
  if (!hasLiteral(document)) return all;
  eachNumber(document, (number) => {
    if (!isBeyondDoubles(number)) return;
    const double = Number(number);
    all.set(double, (all.get(double) ?? new Set()).add(String(number)));
  });
  for (const [double, texts] of all) if (texts.size === 1) all.delete(double);
  return all;
}

/** Each number in a value. */
export function eachNumber(value: Json, visit: (number: number | Literal) => void): void {
  if (typeof value === 'number' || value instanceof Literal) visit(value);
  else if (isArray(value)) for (const each of value) eachNumber(each, visit);
  else if (isObject(value)) for (const name in value) eachNumber(value[name] as Json, visit);
}
