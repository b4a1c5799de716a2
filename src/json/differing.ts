import { equal } from './equal.ts';
import { isArray, isObject, type Json } from './json.ts';
import type { Path, PathStep } from './path.ts';
import { memberOf } from './values.ts';

/** A place at which two values differ. A value is left out where there is none. */
export interface Differing {
  readonly path: Path;
  readonly before?: Json;
  readonly after?: Json;
  /** The order of the records in this list differs, which is told before what differs in them. */
  readonly isOrder?: true;
}

export const IDENTITIES = ['id', 'key', 'name'];

/** Where two values differ: member by member, and record by record; lists of anything else as a whole. */
export function differing(before: Json | undefined, after: Json | undefined): Differing[] {
  const found: Differing[] = [];
  walk(before, after, [], found);
  return found;
}

function walk(before: Json | undefined, after: Json | undefined, path: Path, found: Differing[]): void {
  if (equal(before, after)) return;
  const below = stepsOf(before, after);
  if (below === undefined) {
    const old = before === undefined ? {} : { before };
    found.push({ path, ...old, ...(after === undefined ? {} : { after }) });
    return;
  }
  const many = found.length;
  for (const { step, from, to } of below) walk(from, to, [...path, step], found);
  if (isArray(after) && isReordered(below, after)) found.splice(many, 0, { path, after, isOrder: true });
}

/** `below`: in the order of the former list. */
function isReordered(below: readonly Step[], after: readonly Json[]): boolean {
  const places = new Map(after.map((each, at) => [each, at]));
  const kept = below.filter(({ from, to }) => from !== undefined && to !== undefined);
  const found = kept.map(({ to }) => places.get(to as Json) as number);
  return found.some((place, at) => at > 0 && place < (found[at - 1] as number));
}

interface Step {
  readonly step: PathStep;
  readonly from: Json | undefined;
  readonly to: Json | undefined;
}

/** What is below two values that are alike enough to be looked into. */
function stepsOf(before: Json | undefined, after: Json | undefined): Step[] | undefined {
  if (isObject(before) && isObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].map((name) => ({
      step: name,
      from: memberOf(before, name),
      to: memberOf(after, name),
    }));
  }
  if (!isArray(before) || !isArray(after)) return undefined;
  for (const field of IDENTITIES) {
    const [from, to] = [keyed(before, field), keyed(after, field)];
    if (from === undefined || to === undefined) continue;
    const ids = new Set([...from.keys(), ...to.keys()]);
    return [...ids].map((id) => ({ step: { [field]: id }, from: from.get(id), to: to.get(id) }));
  }
  return undefined;
}

/** Undefined where the member is missing in one, or twice the same. */
export function keyed(list: readonly Json[], field: string): Map<string | number, Json> | undefined {
  const all = new Map<string | number, Json>();
  for (const each of list) {
    const id = memberOf(each, field);
    if ((typeof id !== 'string' && typeof id !== 'number') || all.has(id)) return undefined;
    all.set(id, each);
  }
  return all;
}
