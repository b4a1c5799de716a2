import { InputError, shown } from '../errors/input-error.ts';
import type { Lock } from './lock.ts';

/** What runs under a lock. */
export type Body<T> = (lock: Lock) => T | PromiseLike<T>;

/** What runs under a lock that is held synchronously: anything that does not return a promise. */
export type SyncBody<T> = (lock: Lock) => T extends PromiseLike<unknown> ? never : T;

/** @throws {InputError} */
export function checkBody(body: unknown): void {
  if (typeof body !== 'function') throw new InputError('body', `must be a function, got ${shown(body)}`);
}

/** Also one of another library, or of another realm. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** The error of a body whose work goes on although its lock is gone. */
export function promiseOf({ resource }: Lock): InputError {
  return new InputError(
    'body',
    `returned a promise, and the lock on ${shown(resource)} was released before that settled: use with, which waits`,
  );
}
