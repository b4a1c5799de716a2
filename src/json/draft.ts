import { isArray, type Json } from './json.ts';
import { Literal } from './literal.ts';
import { sharedDoubles } from './shared-doubles.ts';
import { Telling } from './telling.ts';
import { plain, withLiterals } from './values.ts';

/** A value that a program may change in place, and the way back from there. */
export interface Draft {
  readonly value: unknown;
  /**
   * What the program made of it, as JSON. @throws {InputError} for what JSON cannot hold, and for a number of which it is not
   * certain which one of the document it is.
   */
  readonly exact: (made: unknown) => Json;
}

export function draftOf(from: Json): Draft {
  const shared = sharedDoubles(from);
  if (shared.size === 0) return { value: copyOf(from), exact: (made) => withLiterals(from, made) };
  const sources = new Map<object, Json>();
  const value = copyOf(from, sources);
  const before = plain(from, (literal) => shared.has(literal.valueOf())) as Json;
  const telling = new Telling(from, shared, sources);
  return { value, exact: (made) => withLiterals(from, telling.told(made), before) };
}

/** A copy with doubles in place of literals. `sources` gets what each of its objects and lists was made of. */
function copyOf(from: Json, sources?: Map<object, Json>): unknown {
  if (typeof from !== 'object' || from === null) return from;
  if (from instanceof Literal) return from.valueOf();
  if (isArray(from)) {
    const list = from.map((each) => copyOf(each, sources));
    sources?.set(list, from);
    return list;
  }
  const copy: Record<string, unknown> = { ...from }; // `__proto__` is a member as any other in it
  for (const name in copy) {
    if (typeof copy[name] === 'object') copy[name] = copyOf(copy[name] as Json, sources);
  }
  sources?.set(copy, from);
  return copy;
}
