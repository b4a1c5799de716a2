import { canonical, isDeeper } from '../json/canonical.ts';
import type { Json } from '../json/json.ts';
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
    if (isDeeper(element, DEEPEST)) return undefined;
    const text = canonical(element);
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
