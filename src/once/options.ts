import { InputError, shown } from '../errors/input-error.ts';
import { callback, checkGiven, count, path, signal, span } from '../lock/known-options.ts';
import { checkInputs, type Input } from './inputs.ts';
import type { Scope } from './scope.ts';

/** How `once` runs, remembers and waits. All spans are milliseconds. */
export interface OnceOptions<T = unknown> {
  /**
   * How long a success answers for a run. Default `Infinity`. 0 remembers nothing: calls at the same time share one run,
   * a later one runs again. Where calls differ, each goes by its own.
   */
  readonly ttl?: number;
  /** The same for a failure. Default 0. */
  readonly failureTtl?: number;
  /** For how long after `ttl` a success is still returned at once, while one process runs again behind it. Default 0. */
  readonly staleWhileRevalidate?: number;
  /**
   * Ends this call: it rejects with the signal's reason. A run of other callers is not disturbed; a run of this process
   * is aborted when every caller in it is gone.
   */
  readonly signal?: AbortSignal;
  /** The longest wait for somebody else's run; a run of one's own takes the time it takes. Default `Infinity`. */
  readonly timeout?: number;
  /** Whether a recorded success still holds. Not asked about a run that this very call made or waited for. */
  readonly validate?: (value: T) => boolean | PromiseLike<boolean>;
  /** What the result depends on: when it has changed, a recorded outcome does not count. */
  readonly inputs?: readonly Input[];
  /** How many runs in a row may end without a result, by death or abort, until waiters give up. Default 3. */
  readonly attempts?: number;
  /** Whose calls meet: those of the `user` (default), or of the user's `project`. */
  readonly scope?: Scope;
  /** Where locks and, in `once`, records live. Default: the state directory of the user. */
  readonly directory?: string;
}

export const DEFAULT_ATTEMPTS = 3;

/** @throws {InputError} for a key that is no string, or empty. */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== 'string' || key === '') {
    throw new InputError('key', `must be a string that is not empty, got ${shown(key)}`);
  }
}

const KINDS = {
  ttl: span,
  failureTtl: span,
  staleWhileRevalidate: span,
  timeout: span,
  signal,
  validate: callback,
  attempts: count,
  directory: path,
};

/** @throws {InputError} naming the option. */
export function checkOptions(options: OnceOptions<never>): void {
  checkGiven(options, KINDS);
  if (options.inputs !== undefined) checkInputs(options.inputs);
}
