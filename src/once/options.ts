import { InputError, shown } from '../errors/input-error.ts';
import {
  anything,
  callback,
  checkKinds,
  count,
  type Kinds,
  path,
  signal,
  span,
} from '../lock/known-options.ts';
import { checkInputs, type Input } from './inputs.ts';
import type { Scope } from './scope.ts';

/** How `once` runs, remembers and waits. All spans are milliseconds. */
export interface OnceOptions<T = unknown> {
  /**
   * How long a success answers for a run. Default `Infinity`. 0 remembers nothing: calls at the same time share one run,
   * a later one runs again. Where calls differ, each goes by its own.
   */
  readonly ttl?: number | undefined;
  /** The same for a failure. Default 0. */
  readonly failureTtl?: number | undefined;
  /** For how long after `ttl` a success is still returned at once, while one process runs again behind it. Default 0. */
  readonly staleWhileRevalidate?: number | undefined;
  /**
   * Ends this call: it rejects with the signal's reason. A run of other callers is not disturbed; a run of this process
   * is aborted when every caller in it is gone.
   */
  readonly signal?: AbortSignal | undefined;
  /** The longest wait for somebody else's run; a run of one's own takes the time it takes. Default `Infinity`. */
  readonly timeout?: number | undefined;
  /** Whether a recorded success still holds. Not asked about a run that this very call made or waited for. */
  readonly validate?: ((value: T) => boolean | PromiseLike<boolean>) | undefined;
  /** What the result depends on: when it has changed, a recorded outcome does not count. */
  readonly inputs?: readonly Input[] | undefined;
  /** How many runs in a row may end without a result, by death or abort, until waiters give up. Default 3. */
  readonly attempts?: number | undefined;
  /** Whose calls meet: those of the `user` (default), or of the user's `project`. */
  readonly scope?: Scope | undefined;
  /** Where locks and, in `once`, records live. Default: the state directory of the user. */
  readonly directory?: string | undefined;
}

export const DEFAULT_ATTEMPTS = 3;

/** @throws {InputError} for a key that is no string, or empty. */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== 'string' || key === '') {
    throw new InputError('key', `must be a string that is not empty, got ${shown(key)}`);
  }
}

export const ONCE_OPTIONS: Kinds<OnceOptions<never>> = {
  ttl: span,
  failureTtl: span,
  staleWhileRevalidate: span,
  timeout: span,
  signal,
  validate: callback,
  attempts: count,
  directory: path,
  inputs: anything, // `checkInputs` looks
  scope: anything, // `placeOf` looks
};

/** @throws {InputError} naming the option. */
export function checkOptions(options: OnceOptions<never>): void {
  checkKinds(options, ONCE_OPTIONS);
  if (options.inputs !== undefined) checkInputs(options.inputs);
}
