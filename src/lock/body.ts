import { InputError, shown } from '../errors/input-error.ts';
import type { Lock } from './lock.ts';
import type { AcquireOptions } from './options.ts';

/** What runs under a lock. */
export type Body<T> = (lock: Lock) => T | PromiseLike<T>;

/** What runs under a lock that is held synchronously: anything that does not return a promise. */
export type SyncBody<T> = (lock: Lock) => T extends PromiseLike<unknown> ? never : T;

/** What follows the target in every `with…`: the body alone, or options and the body. */
export type OptionsAndBody<B> = readonly [body: B] | readonly [options: AcquireOptions | undefined, body: B];

/** Stands for options that were not given, which need no check. */
export const NO_OPTIONS: AcquireOptions = {};

/** @throws {InputError} for a body that is none. */
export function optionsAndBody<B>(rest: OptionsAndBody<B>): readonly [options: AcquireOptions, body: B] {
  const [options = NO_OPTIONS, body] = rest.length > 1 ? rest : [NO_OPTIONS, rest[0]];
  if (typeof body !== 'function') throw new InputError('body', `must be a function, got ${shown(body)}`);
  return [options as AcquireOptions, body as B];
}

/** Also one of another library, or of another realm. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** What code of others returns that nobody waits for. @throws {InputError} it is promised. */
export function atOnce<R>(result: R, what: string, why: string): R {
  if (!isPromise(result)) return result;
  result.then(undefined, () => {}); // nobody is left to be told
  throw new InputError(what, `must not be asynchronous; ${why}`);
}

/** The error of a body whose work goes on although its lock is gone. */
export function promiseOf({ resource }: Lock): InputError {
  return new InputError(
    'body',
    `returned a promise, and the lock on ${shown(resource)} was released before that settled: use with, which waits`,
  );
}
