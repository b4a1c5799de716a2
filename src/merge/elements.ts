import { isArray, isObject, type Json } from '../json/json.ts';
import { Literal } from '../json/literal.ts';
import { later } from './decide.ts';
import type { Arrays } from './identity.ts';

/** Deeper elements are not compared. */
const DEEPEST = 256;

/** The same arrays with one object for all elements that say the same. Undefined where one lies too deep to tell. */
export function elementKeys(arrays: Arrays): Arrays | undefined {
  const texts = new Map<Json, string>();
  const chosen = new Map<string, Json>();
  const inBase = new Set<string>();
  for (const [at, element] of [...arrays.base, ...arrays.ours, ...arrays.theirs].entries()) {
    if (typeof element !== 'object' || element === null) continue;
    const text = canonicalText(element, 0);
    if (text === undefined) return undefined;
    texts.set(element, text);
    const known = chosen.get(text);
    if (at < arrays.base.length) inBase.add(text);
    if (known === undefined) chosen.set(text, element);
    else if (!inBase.has(text)) chosen.set(text, later(known, element) as Json); // whichever side is ours
  }
  const keyOf = (element: Json) => chosen.get(texts.get(element) ?? '') ?? element;
  return {
    base: arrays.base.map(keyOf),
    ours: arrays.ours.map(keyOf),
    theirs: arrays.theirs.map(keyOf),
  };
}

/** One text for all values that say the same; undefined for one that is too deep. */
function canonicalText(value: Json, depth: number): string | undefined {
  if (value instanceof Literal) return value.text;
  if (depth > DEEPEST) return undefined;
  if (isArray(value)) {
    const texts = value.map((element) => canonicalText(element, depth + 1));
    return texts.includes(undefined) ? undefined : `[${texts}]`;
  }
  if (!isObject(value)) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  const texts = names.map((name) => canonicalText(value[name] as Json, depth + 1));
  if (texts.includes(undefined)) return undefined;
  return `{${texts.map((text, at) => `${JSON.stringify(names[at])}:${text}`)}}`;
}
