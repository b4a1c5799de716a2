import { InputError } from '../errors/input-error.ts';
import { Literal } from './literal.ts';

/**
 * Refuses what no JSON text can say: functions, dates and other objects of classes, `NaN`, values that contain themselves.
 * A member that is `undefined` counts as not there. Any depth is no problem to it.
 *
 * @throws {InputError} naming `input`
 */
export function assertJson(value: unknown, input: string): void {
  const around = new Set<object>();
  const seen = new Set<object>();
  const todo: Visit[] = [{ value, isLeft: false }];
  for (let visit = todo.pop(); visit !== undefined; visit = todo.pop()) {
    const container = containerIn(visit.value, input);
    if (container === undefined) continue;
    if (visit.isLeft) around.delete(container);
    else if (around.has(container)) throw new InputError(input, 'is not JSON, for it contains itself');
    else if (!seen.has(container)) {
      seen.add(container);
      around.add(container);
      todo.push({ value: container, isLeft: true });
      const inner = Array.isArray(container) ? container : Object.values(container).filter(isThere);
      for (const each of inner) {
        if (typeof each === 'object') todo.push({ value: each, isLeft: false });
        else containerIn(each, input);
      }
    }
  }
}

interface Visit {
  readonly value: unknown;
  /** Whether all in it was visited. */
  readonly isLeft: boolean;
}

/** The array or object that this is; undefined for any other value of JSON. */
function containerIn(value: unknown, input: string): object | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return undefined;
  if (typeof value !== 'object')
    throw new InputError(input, `is not JSON, for it has ${nameOf(value)} in it`);
  if (value instanceof Literal) return undefined;
  if (Array.isArray(value) || isPlain(value)) return value;
  throw new InputError(
    input,
    `is not JSON, for it has a ${value.constructor?.name ?? 'object of a class'} in it`,
  );
}

/** Of no class, but `Object` of whichever realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: unknown): string {
  return typeof value === 'number'
    ? String(value)
    : typeof value === 'undefined'
      ? 'undefined'
      : `a ${typeof value}`;
}

function isThere(value: unknown): boolean {
  return value !== undefined;
}
