import { InputError } from '../errors/input-error.ts';
import { tooDeep } from './format.ts';
import { define, isArray, isObject, type Json, type JsonObject, MAX_DEPTH } from './json.ts';
import { Literal } from './literal.ts';
import { formatPath, type PathStep } from './path.ts';
import type { Sources } from './sources.ts';

/** The same value with doubles in place of literals, as programs want it. What has no literal in it is returned as it is. */
export function plain(value: Json): unknown {
  if (value instanceof Literal) return value.valueOf();
  if (typeof value !== 'object' || value === null || !hasLiteral(value)) return value;
  if (isArray(value)) return value.map(plain);
  const members: Record<string, Json> = {};
  for (const name of Object.keys(value)) define(members, name, plain(value[name] as Json) as Json);
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
 * What a program made, as JSON: a copy that shares with `before` what it has in common with that. Members that are undefined
 * are left out, and `toJSON` is called, both as `JSON.stringify` does it. Anything else that JSON cannot hold is an
 * `InputError` with its path: NaN, an undefined element, a function, a Map. `sources`: those of a draft. Each copy is shared
 * with what its own source says then, wherever it stands, and is known to `sources`; infinite numbers are let through.
 */
export function jsonOf(value: unknown, before?: Json, sources?: Sources): Json {
  return copied(value, before, { path: [], sources }, 0);
}

interface Copying {
  /** The way to what is being copied, as far as its depth. */
  readonly path: PathStep[];
  readonly sources: Sources | undefined;
}

/** A copy of `value` that shares what says the same as `before`, so that later looks at both need not compare it again. */
function copied(value: unknown, before: Json | undefined, copying: Copying, depth: number): Json {
  const { path, sources } = copying;
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number' && (sources !== undefined || Number.isFinite(value))) return value;
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
  const isList = Array.isArray(value);
  if (!isList && !isRecord(value)) throw unfit(`a ${tagOf(value)}`, path, depth);
  const old = sources === undefined ? before : sources.before(value, before);
  const copy = isList
    ? copiedElements(value, isArray(old) ? old : undefined, copying, depth)
    : copiedMembers(value, isObject(old) ? old : undefined, copying, depth);
  sources?.copied(value, copy);
  return copy;
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
function isRecord(value: object): value is Record<string, unknown> {
  return Object.getPrototypeOf(value) === Object.prototype || tagOf(value) === 'Object';
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** The member of this name; an object's own ones only, so that `__proto__` is a name as any other. */
export function memberOf(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function unfit(what: string, path: readonly PathStep[], depth: number): InputError {
  const place = depth === 0 ? '' : ` at ${formatPath(path.slice(0, depth))}`;
  return new InputError('value', `contains ${what}${place}, which JSON cannot hold`);
}
