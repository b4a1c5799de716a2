import { isArray, isObject, type Json, type JsonObject } from '../json/json.ts';
import { Literal } from '../json/literal.ts';
import { compareValues } from '../json/order.ts';
import type { Rules } from './rules.ts';
import type { Side } from './values.ts';

/**
 * How two values at one path compare:
 * - `same`: written alike, also in the order of members.
 * - `alike`: they say the same, but the order of members or volatile members below differ.
 * - `other`: anything else.
 */
export type Relation = 'same' | 'alike' | 'other';

/** Goes through both once, up to the first difference; any depth is no problem to it. */
export function relate(a: Side, b: Side, rules: Rules): Relation {
  if (a === b) return 'same';
  if (a === undefined || b === undefined) return 'other';
  const todo: Pair[] = [{ a, b, rules }];
  let relation: Relation = 'same';
  for (let pair = todo.pop(); pair !== undefined; pair = todo.pop()) {
    const found = relatePair(pair, todo);
    if (found === 'other') return found;
    if (found === 'alike') relation = found;
  }
  return relation;
}

interface Pair {
  readonly a: Json;
  readonly b: Json;
  readonly rules: Rules;
}

/** Leaves the pairs that are still to be looked at in `todo`. */
function relatePair({ a, b, rules }: Pair, todo: Pair[]): Relation {
  if (a === b) return 'same';
  if (a instanceof Literal || b instanceof Literal) {
    return a instanceof Literal && b instanceof Literal && a.text === b.text ? 'same' : 'other';
  }
  if (isArray(a) && isArray(b)) {
    if (a.length !== b.length) return 'other';
    for (let at = 0; at < a.length; at++) {
      if (!isNext(a[at], b[at], rules.element, todo)) return 'other';
    }
    return 'same';
  }
  return isObject(a) && isObject(b) ? relateMembers(a, b, rules, todo) : 'other';
}

function relateMembers(a: JsonObject, b: JsonObject, rules: Rules, todo: Pair[]): Relation {
  const names = Object.keys(a);
  const others = Object.keys(b);
  let relation: Relation = 'same';
  let common = 0;
  for (const [at, name] of names.entries()) {
    const below = rules.member(name);
    const isThere = name === others[at] || Object.hasOwn(b, name);
    if (isThere) common++;
    if (below.isVolatile) {
      if (!isThere || compareValues(a[name] as Json, b[name] as Json) !== 0) relation = 'alike';
    } else if (!isThere || !isNext(a[name], b[name], below, todo)) return 'other';
    if (name !== others[at]) relation = 'alike';
  }
  if (common === others.length) return relation;
  const isMore = others.some((name) => !Object.hasOwn(a, name) && !rules.member(name).isVolatile);
  return isMore ? 'other' : 'alike';
}

/** Whether the two may be equal; what needs a closer look joins `todo`. */
function isNext(a: Side, b: Side, rules: Rules, todo: Pair[]): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  todo.push({ a, b, rules });
  return true;
}
