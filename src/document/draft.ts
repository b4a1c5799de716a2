import { AsyncLocalStorage } from 'node:async_hooks';
import { shared } from '../copies/shared.ts';
import { DocumentStateError } from '../errors/document-errors.ts';
import { draftOf } from '../json/draft.ts';
import type { Json } from '../json/json.ts';
import { plain } from '../json/values.ts';
import { isPromise } from '../lock/body.ts';
import { callback, check } from '../lock/known-options.ts';
import { awaited, type Work } from '../lock/work.ts';
import { placeOf } from './file/place.ts';

/** What a recipe returns that is not asynchronous. */
// biome-ignore lint/suspicious/noConfusingVoidType: a recipe that changes its draft returns nothing
export type Now<T> = T | undefined | void;

/** Changes its draft in place, or returns a new value. It may run again, on another draft: see `Document.update`. */
export type Recipe<T> = (draft: T) => Now<T> | PromiseLike<Now<T>>;

/** @throws {InputError} for anything but a function: a value, say, that was meant to take the place of another. */
export function checkRecipe(recipe: unknown, name = 'recipe'): void {
  check(name, recipe, callback);
}

/** The files whose recipes run around this code; over once they have settled. */
interface Running {
  readonly path: string;
  isOver: boolean;
  readonly outer: Running | undefined;
}

const running = shared('recipes', () => new AsyncLocalStorage<Running>());

/** Waiting for oneself would never end. @throws {DocumentStateError} inside of a recipe for the same file. */
export function refuseInRecipe(given: string): void {
  const innermost = running.getStore();
  const path = innermost && placeOf(given).path;
  for (let at = innermost; at !== undefined; at = at.outer) {
    if (at.path === path && !at.isOver) throw new DocumentStateError(at.path, 'in-recipe');
  }
}

/**
 * The value that a recipe makes of another one, which stays as it is, also when the recipe throws half-way.
 *
 * @throws {InputError} for what is not JSON, and where `draftOf` is not certain; and what the recipe throws.
 */
export function* applied<T>(recipe: Recipe<T>, json: Json, path: string): Work<Json> {
  const { value: draft, exact } = draftOf(json);
  const around: Running = { path, isOver: false, outer: running.getStore() };
  try {
    let result: unknown = running.run(around, () => recipe(draft as T));
    if (isPromise(result)) result = yield* awaited(result, 'the recipe');
    return exact(result === undefined ? draft : result);
  } finally {
    around.isOver = true;
  }
}

/** The value as it is handed out: nobody changes it by accident for everybody else. */
export function frozen(json: Json): unknown {
  return freeze(plain(json));
}

function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
}
