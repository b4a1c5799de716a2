import { differing, IDENTITIES, keyed } from './differing.ts';
import { isArray, type Json } from './json.ts';
import { lookUp } from './lookup.ts';
import { formatPath, type Path } from './path.ts';

/** A place where one of two values counts. One is undefined where that side has nothing there. */
export interface Alternatives {
  readonly path: Path;
  readonly ours: Json | undefined;
  readonly theirs: Json | undefined;
}

/**
 * What there is to choose between two versions without a common ancestor: by members, and by whole records, for two may have one
 * identity. The order of a list of records is a place of its own, before its records: both alternatives are what `merged` has
 * there, in the order of each side.
 */
export function alternatives(ours: Json, theirs: Json, merged: Json): Alternatives[] {
  const places = new Map<string, Alternatives>();
  for (const { path: full, isOrder } of differing(ours, theirs)) {
    const record = full.findIndex((step) => typeof step === 'object');
    const path = record < 0 ? full : full.slice(0, record + 1);
    const at = (side: Json) =>
      isOrder === true && record < 0
        ? inOrderOf(lookUp(side, path), lookUp(merged, path))
        : lookUp(side, path);
    places.set(formatPath(path), { path, ours: at(ours), theirs: at(theirs) });
  }
  return [...places.values()];
}

/** A list of records with those in the order of another one that are in both; the rest stays in its places. */
function inOrderOf(like: Json | undefined, list: Json | undefined): Json | undefined {
  if (!isArray(like) || !isArray(list)) return like;
  for (const field of IDENTITIES) {
    const [wanted, all] = [keyed(like, field), keyed(list, field)];
    if (wanted === undefined || all === undefined) continue;
    const next = [...wanted.keys()].filter((id) => all.has(id)).values();
    return [...all].map(
      ([id, record]) => (wanted.has(id) ? all.get(next.next().value ?? id) : record) ?? record,
    );
  }
  return like;
}
