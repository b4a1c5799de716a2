import { InputError } from '../errors/input-error.ts';
import { isArray, isObject, type Json } from './json.ts';
import { Literal } from './literal.ts';
import { formatPath, type Path } from './path.ts';

/** Doubles that stand for numbers of a document that they do not hold, with the texts of all that they stand for. */
export type InexactDoubles = ReadonlyMap<number, ReadonlySet<string>>;

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
export function inexactDoubles(document: Json): InexactDoubles {
  const all = new Map<number, Set<string>>();
  eachNumber(document, (number) => {
    if (!isBeyondDoubles(number)) return;
    const double = Number(number);
    all.set(double, (all.get(double) ?? new Set()).add(String(number)));
  });
  for (const [double, texts] of all) if (texts.size === 1 && texts.has(String(double))) all.delete(double);
  return all;
}

/** Each number in a value. */
export function eachNumber(value: Json, visit: (number: number | Literal) => void): void {
  if (typeof value === 'number' || value instanceof Literal) visit(value);
  else if (isArray(value)) for (const each of value) eachNumber(each, visit);
  else if (isObject(value)) for (const name in value) eachNumber(value[name] as Json, visit);
}

export function isSeveral(texts: ReadonlySet<string> | undefined): texts is ReadonlySet<string> {
  return texts !== undefined && texts.size > 1;
}

const ADVICE =
  'numbers that are one to a program. Change the draft in place, and move its records whole, not as copies';
const MOST_NAMED = 3;

/** `texts`: of the numbers that the double may be. */
export function uncertain(double: number, texts: readonly string[], path: Path): InputError {
  const place = path.length === 0 ? '' : ` at ${formatPath(path)}`;
  return new InputError('value', `has ${double}${place}, which may be ${anyOf(texts)}: ${ADVICE}`);
}

function anyOf(texts: readonly string[]): string {
  const named = texts.slice(0, MOST_NAMED);
  const rest = texts.length - named.length;
  if (rest > 0) return `${named.join(', ')} or one of ${rest} more`;
  return `${named.slice(0, -1).join(', ')} or ${named.at(-1)}`;
}
