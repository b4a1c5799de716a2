import { InputError } from '../errors/input-error.ts';
import { align } from './align.ts';
import { tooDeep } from './format.ts';
import { define, isArray, isObject, type Json, type JsonObject, MAX_DEPTH } from './json.ts';
import { Literal } from './literal.ts';
import { formatPath, type PathStep } from './path.ts';

/**
 * The same value with doubles in place of literals, as programs want it. What has no literal in it is returned as it is.
 * `isKept`: which literals stay all the same.
 */
export function plain(value: Json, isKept?: (literal: Literal) => boolean): unknown {
  if (value instanceof Literal) return isKept?.(value) === true ? value : value.valueOf();
  if (typeof value !== 'object' || value === null || !hasLiteral(value)) return value;
  if (isArray(value)) return value.map((each) => plain(each, isKept));
  const members: Record<string, Json> = {};
  for (const name of Object.keys(value)) define(members, name, plain(value[name] as Json, isKept) as Json);
  return members;
}

/** Values in which no literal was found. Versions of a document share most of theirs, and no value is changed in place. */
const withoutLiterals = new WeakSet<object>();

export function hasLiteral(value: Json): boolean {
  if (typeof value !== 'object' || value === null || withoutLiterals.has(value)) return false;
  if (value instanceof Literal) return true;
  if (isArray(value)) {
    for (const element of value) if (hasLiteral(element)) return true;
  } else {
    for (const name in value) if (hasLiteral(value[name] as Json)) return true;
  }
  withoutLiterals.add(value);
  return false;
}

/**
 * What a program made of `plain(from)`, as JSON: a copy in which a literal of `from` stands again wherever its number is
 * unchanged. Members that are undefined are left out, and `toJSON` is called, both as `JSON.stringify` does it. Anything
 * else that JSON cannot hold is an `InputError` with its path: NaN, an undefined element, a function, a Map. A literal
 * that was copied to another place is a double there. `before`: what the program got, where that is not `plain(from)`.
 */
export function withLiterals(from: Json, value: unknown, before = plain(from) as Json): Json {
  const hasLiterals = before !== from;
  const copy = copied(value, before, { path: [], mayBeInfinite: hasLiterals }, 0);
  return hasLiterals ? attached(from, before, copy, [], 0) : copy;
}

interface Copying {
  /** The way to what is being copied, as far as its depth. */
  readonly path: PathStep[];
  /** Whether an infinite number may be that of a literal. */
  readonly mayBeInfinite: boolean;
}

/** A copy of `value` that shares what says the same as `before`, so that later looks at both need not compare it again. */
function copied(value: unknown, before: Json | undefined, copying: Copying, depth: number): Json {
  const { path, mayBeInfinite } = copying;
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number' && (mayBeInfinite || Number.isFinite(value))) return value;
  if (value instanceof Literal) return value;
  if (typeof value === 'number') throw unfit(String(value), path, depth);
  if (typeof value !== 'object')
    throw unfit(value === undefined ? 'undefined' : `a ${typeof value}`, path, depth);
  if (value === before) return value as Json;
  if (depth >= MAX_DEPTH) throw tooDeep();
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === 'function') {
    return copied(toJSON.call(value, String(path[depth - 1] ?? '')), undefined, copying, depth);
  }
  if (Array.isArray(value))
    return copiedElements(value, isArray(before) ? before : undefined, copying, depth);
  if (!isRecord(value)) throw unfit(`a ${tagOf(value)}`, path, depth);
  return copiedMembers(value, isObject(before) ? before : undefined, copying, depth);
}

/** Nothing is made before the first difference, and most of a draft has none. */
function copiedElements(
  value: readonly unknown[],
  before: readonly Json[] | undefined,
  copying: Copying,
  depth: number,
): Json {
  let elements: Json[] | undefined;
  for (let at = 0; at < value.length; at++) {
    copying.path[depth] = at;
    const old = before?.[at];
    const copy = copied(value[at], old, copying, depth + 1);
    if (elements === undefined && !Object.is(copy, old)) elements = before?.slice(0, at) ?? [];
    elements?.push(copy);
  }
  if (elements !== undefined || before === undefined) return elements ?? [];
  return before.length === value.length ? before : before.slice(0, value.length);
}

function copiedMembers(
  value: Readonly<Record<string, unknown>>,
  before: JsonObject | undefined,
  copying: Copying,
  depth: number,
): Json {
  let members: Record<string, Json> | undefined;
  let count = 0;
  for (const name in value) {
    if (!Object.hasOwn(value, name)) continue;
    const member = value[name];
    if (member === undefined) continue;
    copying.path[depth] = name;
    const old = before !== undefined && Object.hasOwn(before, name) ? before[name] : undefined;
    const copy = copied(member, old, copying, depth + 1);
    if (members === undefined && !Object.is(copy, old)) members = firstOf(before, value, count);
    if (members !== undefined) define(members, name, copy);
    count++;
  }
  if (members !== undefined) return members;
  let left = count;
  for (const _ in before) left--;
  return before !== undefined && left === 0 ? before : firstOf(before, value, count);
}

/** The first members of a value, which are the same as before. */
function firstOf(
  before: JsonObject | undefined,
  value: Readonly<Record<string, unknown>>,
  count: number,
): Record<string, Json> {
  const members: Record<string, Json> = {};
  const names = Object.keys(value).filter((name) => value[name] !== undefined);
  for (const name of names.slice(0, count)) define(members, name, before?.[name] as Json);
  return members;
}

/** An object of members, of whatever class, and no Map, Promise or the like, whose content JSON would lose. */
export function isRecord(value: object): value is Record<string, unknown> {
  return Object.getPrototypeOf(value) === Object.prototype || tagOf(value) === 'Object';
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** `value`, with the literals of `from` where it equals `before`, which has doubles for them. */
function attached(
  from: Json | undefined,
  before: Json | undefined,
  value: Json,
  path: PathStep[],
  depth: number,
): Json {
  if (typeof value === 'number') {
    if (from instanceof Literal && Object.is(before, value)) return from;
    if (!Number.isFinite(value)) throw unfit(String(value), path, depth);
    return value;
  }
  if (typeof value !== 'object' || value === null || value instanceof Literal) return value;
  if (value === before) return from as Json;
  if (isArray(value)) {
    const match = isArray(before) ? align(before, value).match : [];
    return value.map((each, at) => {
      path[depth] = at;
      const old = match[at] ?? -1;
      return attached(elementAt(from, old), elementAt(before, old), each, path, depth + 1);
    });
  }
  const members: Record<string, Json> = {};
  for (const name of Object.keys(value)) {
    path[depth] = name;
    const [old, plainOld] = [memberOf(from, name), memberOf(before, name)];
    define(members, name, attached(old, plainOld, value[name] as Json, path, depth + 1));
  }
  return members;
}

function elementAt(value: Json | undefined, at: number): Json | undefined {
  return isArray(value) ? value[at] : undefined;
}

export function memberOf(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function unfit(what: string, path: readonly PathStep[], depth: number): InputError {
  const place = depth === 0 ? '' : ` at ${formatPath(path.slice(0, depth))}`;
  return new InputError('value', `contains ${what}${place}, which JSON cannot hold`);
}
