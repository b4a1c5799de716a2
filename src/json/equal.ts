import { isArray, type Json, type JsonObject } from './json.ts';
import { Literal } from './literal.ts';

/** Whether two values say the same: the order of members does not count, literals are compared by their text. */
export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Literal || b instanceof Literal) {
    return a instanceof Literal && b instanceof Literal && a.text === b.text;
  }
  if (isArray(a) || isArray(b)) return isArray(a) && isArray(b) && sameElements(a, b);
  return sameMembers(a, b);
}

function sameElements(a: readonly Json[], b: readonly Json[]): boolean {
  return a.length === b.length && a.every((element, at) => equal(element, b[at]));
}

function sameMembers(a: JsonObject, b: JsonObject): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && equal(a[name], b[name]));
}
