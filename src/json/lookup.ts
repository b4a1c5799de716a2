import { PathNotFoundError } from '../errors/json-errors.ts';
import { equal } from './equal.ts';
import { define, isArray, isObject, type Json } from './json.ts';
import { formatPath, type Path, type PathStep } from './path.ts';

/** The value at a path, in the first of several records that are meant; undefined where there is none. */
export function lookUp(value: Json, path: Path): Json | undefined {
  return path.reduce<Json | undefined>((at, step) => (at === undefined ? undefined : child(at, step)), value);
}

/**
 * The value with another one at a path; nothing else is changed. What is there is replaced; a member that is not is added,
 * and so is the element after the last one. Throws `PathNotFoundError`, naming the first step that leads nowhere, or to
 * more than one record.
 */
export function replaced(value: Json, path: Path, to: Json): Json {
  return replacedFrom(value, path, to, 0);
}

/** The value without what is at a path. Throws `PathNotFoundError` as `valueAt` does. Not for the root. */
export function without(value: Json, path: Path): Json {
  valueAt(value, path);
  const [way, last] = [path.slice(0, -1), path.at(-1) as PathStep];
  const around = valueAt(value, way);
  if (isArray(around)) return replaced(value, way, around.toSpliced(indexIn(around, last), 1));
  const members: Record<string, Json> = {};
  for (const [name, each] of Object.entries(around as object)) {
    if (name !== last) define(members, name, each as Json);
  }
  return replaced(value, way, members);
}

function replacedFrom(value: Json, path: Path, to: Json, depth: number): Json {
  const step = path[depth];
  if (step === undefined) return to;
  refuseSeveral(value, path, depth);
  const old = child(value, step);
  const isLast = depth === path.length - 1;
  if (old === undefined && !(isLast && mayAdd(value, step))) throw notFound(value, path, depth);
  const made = old === undefined ? to : replacedFrom(old, path, to, depth + 1);
  if (isArray(value)) return value.toSpliced(indexIn(value, step), 1, made);
  const members: Record<string, Json> = {};
  for (const [name, each] of Object.entries(value as object)) define(members, name, each as Json);
  define(members, step as string, made);
  return members;
}

/** The same where it must be there, once. Throws `PathNotFoundError` as `replaced` does. */
export function valueAt(value: Json, path: Path): Json {
  return path.reduce((at, step, depth) => {
    refuseSeveral(at, path, depth);
    const next = child(at, step);
    if (next === undefined) throw notFound(at, path, depth);
    return next;
  }, value);
}

function notFound(value: Json, path: Path, depth: number): PathNotFoundError {
  return new PathNotFoundError(formatPath(path.slice(0, depth + 1)), reason(value, path[depth] as PathStep));
}

function child(value: Json, step: PathStep): Json | undefined {
  if (typeof step === 'string')
    return isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  return isArray(value) ? value[indexIn(value, step)] : undefined;
}

/** What would be changed, or shown, could be another record than the one that was meant. */
function refuseSeveral(value: Json, path: Path, depth: number): void {
  const step = path[depth];
  if (typeof step !== 'object' || !isArray(value)) return;
  const meant = [...value.keys()].filter((index) => isMeant(value[index], step)).map((index) => `[${index}]`);
  if (meant.length < 2) return;
  const more = meant.length > 3 ? ` and ${meant.length - 3} more` : '';
  const problem = `${meant.slice(0, 3).join(', ')}${more}. Name the one you mean by its index`;
  throw new PathNotFoundError(formatPath(path.slice(0, depth + 1)), problem, 'more than one record');
}

/** -1 where no element is meant. */
function indexIn(list: readonly Json[], step: PathStep): number {
  if (typeof step === 'number') return step;
  return typeof step === 'string' ? -1 : list.findIndex((each) => isMeant(each, step));
}

function isMeant(element: Json | undefined, step: Exclude<PathStep, string | number>): boolean {
  const [[field, wanted] = ['', '']] = Object.entries(step);
  return isObject(element) && Object.hasOwn(element, field) && equal(element[field], wanted);
}

function mayAdd(value: Json, step: PathStep): boolean {
  return typeof step === 'string' ? isObject(value) : isArray(value) && step === value.length;
}

function reason(value: Json, step: PathStep): string {
  if (typeof step === 'string')
    return isObject(value) ? 'there is no such member' : 'what has it is no object';
  if (!isArray(value)) return 'what has it is no list';
  if (typeof step !== 'number') return 'no element of the list has that';
  return `the list has ${value.length} element${value.length === 1 ? '' : 's'}`;
}
