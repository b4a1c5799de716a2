import { inexactDoubles, isSeveral } from './inexact-doubles.ts';
import { isArray, type Json, type JsonObject } from './json.ts';
import { Literal } from './literal.ts';
import { Sources } from './sources.ts';
import { Telling } from './telling.ts';
import { hasLiteral, jsonOf, plain } from './values.ts';

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
  if (!hasLiteral(from)) return { value: copyOf(from), exact: (made) => jsonOf(made, from) };
  const doubles = inexactDoubles(from);
  const isShared = [...doubles.values()].some(isSeveral);
  const sources = new Sources();
  const value = tracedCopyOf(from, plain(from) as Json, sources, isShared ? () => true : hasLiteral);
  const exact = (made: unknown) => {
    const copy = jsonOf(made, undefined, sources);
    return jsonOf(new Telling(from, doubles, sources).told(copy), from);
  };
  return { value, exact };
}

function copyOf(from: Json): unknown {
  if (typeof from !== 'object' || from === null) return from;
  if (isArray(from)) return from.map(copyOf);
  const copy: Record<string, unknown> = { ...from }; // `__proto__` is a member as any other in it
  for (const name in copy) {
    if (typeof copy[name] === 'object') copy[name] = copyOf(copy[name] as Json);
  }
  return copy;
}

/** A copy of `plain`, which is `from` with doubles. `sources` gets what those objects and lists were made of that are traced. */
function tracedCopyOf(from: Json, plain: Json, sources: Sources, isTraced: (from: Json) => boolean): unknown {
  if (typeof from !== 'object' || from === null || from instanceof Literal) return plain;
  if (!isTraced(from)) return copyOf(plain);
  let copy: unknown[] | Record<string, unknown>;
  if (isArray(from)) {
    const olds = plain as readonly Json[];
    copy = from.map((each, at) => tracedCopyOf(each, olds[at] as Json, sources, isTraced));
  } else {
    copy = { ...(plain as JsonObject) };
    for (const name in copy) {
      if (typeof from[name] === 'object')
        copy[name] = tracedCopyOf(from[name] as Json, copy[name] as Json, sources, isTraced);
    }
  }
  sources.add(copy, from, plain);
  return copy;
}
