import type { Mode } from '../engine/engine.ts';
import { InputError, shown } from '../errors/input-error.ts';
import type { AuditOptions } from '../events/audit.ts';
import { checkNames, namesOf } from './known-options.ts';
import type { HeldLock } from './request.ts';
import { checkTerms, type TermsOptions } from './terms.ts';
import type { UpgradeOptions } from './upgrade.ts';

/** How one lock is asked for. */
export interface AcquireOptions extends TermsOptions {
  /** `exclusive` (default): alone. `shared`: together with other shared holders. */
  readonly mode?: Mode | undefined;
  /**
   * Makes the lock a semaphore: up to this many holders together, 1 to 1,000. All who use the name must give the same
   * number. Cannot be combined with `mode`.
   */
  readonly permits?: number | undefined;
  /** Longest wait in milliseconds, monotonic. 0 tries once; `Infinity` waits for ever. Default 5,000; 30,000 on network drives. */
  readonly timeout?: number | undefined;
  /** Ends the wait; the acquisition then rejects with the signal's reason and holds nothing. */
  readonly signal?: AbortSignal | undefined;
  /** What the lock is taken for, in words, for those who meet it. */
  readonly purpose?: string | undefined;
  /** Longest hold in milliseconds: then `lock.signal` aborts and the lock is released. Default: no limit. */
  readonly holdLimit?: number | undefined;
  /**
   * Whether a lock that an enclosing `with` holds is given again instead of failing. It is the same grant then, so what is
   * asked of it on top (`engine`, `require`, `permits`, a shorter `holdLimit`) is refused. Default false.
   */
  readonly reentrant?: boolean | undefined;
  /**
   * Locks that the caller holds already and will not release before it got this one. Those of enclosing `with` calls are
   * known without being named. From them a deadlock is recognised, within this process and across processes.
   */
  readonly holding?: readonly HeldLock[] | undefined;
  /**
   * The request is no part of the work around it: it counts no lock of an enclosing `with` as held. For what is started in the
   * background and not awaited there, which would else be called a deadlock with the lock that encloses its start.
   * Cannot be combined with `reentrant`. Default false.
   */
  readonly detached?: boolean | undefined;
  /** Longest sleep between two tries of a wait, in milliseconds. Default: 300 with kernel events, 40 to 50 without. */
  readonly pollInterval?: number | undefined;
}

/** How a manager's locks are kept, and the defaults of their options. */
export interface ManagerOptions extends TermsOptions {
  /**
   * Who meets at locks on names: the programs of this `user` (default), or of the whole `system`, whose locks live in
   * `/var/lib/holdfast/locks`, which root must have made (mode 1777).
   */
  readonly scope?: 'user' | 'system' | undefined;
  /** Where locks on names live. Default: `locks` in the state directory of the scope. */
  readonly directory?: string | undefined;
  /** Where a lock goes whose own directory cannot be written. Without it, such a lock is refused. */
  readonly fallbackDirectory?: string | undefined;
  /** Refuse a lock that is available only in a degraded way. Default false. */
  readonly strict?: boolean | undefined;
  /** Default of `timeout`. Environment: HOLDFAST_TIMEOUT. */
  readonly timeout?: number | undefined;
  /** Default of `holdLimit`. */
  readonly holdLimit?: number | undefined;
  /** Default of `pollInterval`. Environment: HOLDFAST_POLL_INTERVAL. */
  readonly pollInterval?: number | undefined;
  /** `anonymous` keeps process id, user, host and command out of lock files and events. Default `full`. */
  readonly record?: 'full' | 'anonymous' | undefined;
  /** Append every lifecycle event of this manager's locks to a file. */
  readonly audit?: Omit<AuditOptions, 'filter'> | undefined;
}

/** How one lock is watched. */
export interface WatchOptions {
  /** Ends the watch, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const MOST_PERMITS = 1000;
const MODES: readonly unknown[] = ['exclusive', 'shared'];

const TERMS = { engine: true, require: true, layout: true, lease: true, staleAfter: true } as const;
const ACQUIRE_OPTIONS = namesOf<AcquireOptions>({
  mode: true,
  permits: true,
  timeout: true,
  signal: true,
  purpose: true,
  holdLimit: true,
  reentrant: true,
  holding: true,
  detached: true,
  pollInterval: true,
  ...TERMS,
});
const MANAGER_OPTIONS = namesOf<ManagerOptions>({
  scope: true,
  directory: true,
  fallbackDirectory: true,
  strict: true,
  timeout: true,
  holdLimit: true,
  pollInterval: true,
  record: true,
  audit: true,
  ...TERMS,
});
const UPGRADE_OPTIONS = namesOf<UpgradeOptions>({ timeout: true, signal: true });
const WATCH_OPTIONS = namesOf<WatchOptions>({ signal: true });

/** @throws {InputError} naming the option. */
export function checkAcquireOptions(options: AcquireOptions): void {
  checkNames(options, ACQUIRE_OPTIONS);
  const { mode, timeout, signal, purpose, holdLimit, reentrant, pollInterval } = options;
  if (mode !== undefined && !MODES.includes(mode)) {
    throw new InputError('mode', `must be 'exclusive' or 'shared', got ${shown(mode)}`);
  }
  if (options.permits !== undefined) checkPermits(options.permits, mode);
  if (timeout !== undefined) checkTimeout(timeout);
  checkSignal(signal);
  if (purpose !== undefined && typeof purpose !== 'string') {
    throw new InputError('purpose', `must be a string, got ${shown(purpose)}`);
  }
  if (holdLimit !== undefined) checkSpan('holdLimit', holdLimit);
  if (pollInterval !== undefined) checkSpan('pollInterval', pollInterval);
  if (options.holding !== undefined && !(Array.isArray(options.holding) && options.holding.every(isHeld))) {
    throw new InputError('holding', 'must be an array of locks');
  }
  if (reentrant !== undefined && typeof reentrant !== 'boolean') {
    throw new InputError('reentrant', `must be true or false, got ${shown(reentrant)}`);
  }
  if (options.detached !== undefined) checkDetached(options.detached, reentrant);
  checkTerms(options);
}

/** For a call that never waits. @throws {InputError} for a timeout, which would be passed over in silence. */
export function refuseTimeout(options: unknown): void {
  const { timeout } = (options ?? {}) as { readonly timeout?: unknown };
  if (timeout === undefined || timeout === 0) return;
  throw new InputError('timeout', `must be left out where nothing waits, got ${shown(timeout)}: use acquire`);
}

/** @throws {InputError} naming the option. */
export function checkManagerOptions(options: ManagerOptions): void {
  checkNames(options, MANAGER_OPTIONS);
  for (const name of ['directory', 'fallbackDirectory'] as const) {
    const value: unknown = options[name];
    if (value !== undefined && (typeof value !== 'string' || value === '' || value.includes('\0'))) {
      throw new InputError(name, `must be a path, got ${shown(value)}`);
    }
  }
  const { timeout, holdLimit, pollInterval, record, strict, scope } = options;
  if (scope !== undefined && scope !== 'user' && scope !== 'system') {
    throw new InputError('scope', `must be 'user' or 'system', got ${shown(scope)}`);
  }
  if (timeout !== undefined) checkTimeout(timeout);
  if (holdLimit !== undefined) checkSpan('holdLimit', holdLimit);
  if (pollInterval !== undefined) checkSpan('pollInterval', pollInterval);
  if (record !== undefined && record !== 'full' && record !== 'anonymous') {
    throw new InputError('record', `must be 'full' or 'anonymous', got ${shown(record)}`);
  }
  if (strict !== undefined && typeof strict !== 'boolean') {
    throw new InputError('strict', `must be true or false, got ${shown(strict)}`);
  }
  checkTerms(options);
}

/** @throws {InputError} naming the option. */
export function checkUpgradeOptions(options: UpgradeOptions): void {
  checkNames(options, UPGRADE_OPTIONS);
  if (options.timeout !== undefined) checkTimeout(options.timeout);
  checkSignal(options.signal);
}

/** @throws {InputError} naming the option. */
export function checkWatchOptions(options: WatchOptions): void {
  checkNames(options, WATCH_OPTIONS);
  checkSignal(options.signal);
}

function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new InputError('signal', `must be an AbortSignal, got ${shown(signal)}`);
  }
}

function isHeld(value: unknown): boolean {
  const { path, resource } = (value ?? {}) as Partial<HeldLock>;
  return typeof path === 'string' && typeof resource === 'string';
}

function checkDetached(detached: unknown, reentrant: boolean | undefined): void {
  if (typeof detached !== 'boolean') {
    throw new InputError('detached', `must be true or false, got ${shown(detached)}`);
  }
  if (detached && reentrant === true) throw new InputError('detached', 'cannot be combined with reentrant');
}

function checkPermits(permits: unknown, mode: unknown): void {
  if (!Number.isInteger(permits) || (permits as number) < 1 || (permits as number) > MOST_PERMITS) {
    throw new InputError(
      'permits',
      `must be a whole number from 1 to ${MOST_PERMITS}, got ${shown(permits)}`,
    );
  }
  if (mode !== undefined) throw new InputError('permits', 'cannot be combined with mode');
}

function checkTimeout(value: number): void {
  if (typeof value !== 'number' || !(value >= 0)) {
    throw new InputError(
      'timeout',
      `must be a number of milliseconds, 0 or more (Infinity waits for ever), got ${shown(value)}`,
    );
  }
}

function checkSpan(name: string, value: number): void {
  if (typeof value !== 'number' || !(value > 0)) {
    throw new InputError(name, `must be a number of milliseconds above 0, got ${shown(value)}`);
  }
}
