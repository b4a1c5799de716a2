import { isArray, isObject, type Json } from './json.ts';
import { Literal } from './literal.ts';

/** The types of JSON, in the order in which values of several types are sorted. */
const TYPES = ['number', 'string', 'boolean', 'null', 'array', 'object'] as const;
type Type = (typeof TYPES)[number];

export function typeOf(value: Json): Type {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value as Type;
  return value instanceof Literal ? 'number' : isArray(value) ? 'array' : 'object';
}

/**
 * Sorts any two values: numbers, then text by code unit, then the rest; 0 only for values that are written alike. It goes
 * by the first difference in the order of the text, and any depth is no problem to it.
 */
export function compareValues(a: Json, b: Json): number {
  const todo: Json[] = [b, a];
  while (todo.length > 0) {
    const x = todo.pop() as Json;
    const y = todo.pop() as Json;
    if (x === y) continue;
    const type = typeOf(x);
    const byType = TYPES.indexOf(type) - TYPES.indexOf(typeOf(y));
    if (byType !== 0) return byType;
    if (isArray(x) && isArray(y)) {
      if (x.length !== y.length) return x.length - y.length;
      for (let at = x.length; at-- > 0; ) todo.push(y[at] as Json, x[at] as Json);
    } else if (isObject(x) && isObject(y)) {
      const names = Object.keys(x);
      const byNames = compareSequences(names, Object.keys(y));
      if (byNames !== 0) return byNames;
      for (const name of names.reverse()) todo.push(y[name] as Json, x[name] as Json);
    } else {
      const byValue = type === 'number' ? compareNumbers(x, y) : byCodeUnit(String(x), String(y));
      if (byValue !== 0) return byValue;
    }
  }
  return 0;
}

function compareSequences(a: readonly string[], b: readonly string[]): number {
  if (a.length !== b.length) return a.length - b.length;
  const at = a.findIndex((name, index) => name !== b[index]);
  return at < 0 ? 0 : byCodeUnit(a[at] as string, b[at] as string);
}

/** Two literals may be the same double, and are told apart by their text. */
function compareNumbers(a: Json, b: Json): number {
  const [x, y] = [Number(a), Number(b)];
  return x < y ? -1 : x > y ? 1 : byCodeUnit(String(a), String(b));
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
