import { type Body, type OptionsAndBody, optionsAndBody, type SyncBody } from './body.ts';
import type { Lock } from './lock.ts';
import { LockManager } from './manager.ts';
import type { AcquireOptions } from './options.ts';

let defaultManager: LockManager | undefined;

/** The manager behind the simple functions; made on first use, with all defaults. */
function manager(): LockManager {
  defaultManager ??= new LockManager();
  return defaultManager;
}

/**
 * Locks a file by its path or `file:` URL; the lock file `.<name>.lock` lies beside it. Exclusive, and waited for up to 5
 * seconds, unless the options say otherwise; in their place, `false` stands for a shared lock and `true` for an exclusive
 * one. Throws as `LockManager.acquire` does.
 *
 * @example
 * await using lock = await acquireLock('data/roles.json');
 * await using free = await acquireLock('data/roles.json', { timeout: 0 });
 */
export function acquireLock(path: string | URL, options: AcquireOptions | boolean = {}): Promise<Lock> {
  return manager().acquire({ file: path }, optionsFrom(options));
}

/**
 * Runs `body` while the file at `path` is locked, exclusively and after at most 5 seconds unless the options say
 * otherwise. Releases the lock whatever the body does. Throws as `LockManager.with` does.
 *
 * @example
 * await withLock('data/roles.json', async () => { … });
 */
export function withLock<T>(path: string | URL, body: Body<T>): Promise<T>;
export function withLock<T>(
  path: string | URL,
  options: AcquireOptions | undefined,
  body: Body<T>,
): Promise<T>;
export async function withLock<T>(path: string | URL, ...rest: OptionsAndBody<Body<T>>): Promise<T> {
  return manager().with({ file: path }, ...optionsAndBody(rest));
}

/** `acquireLock` for scripts that cannot wait asynchronously: blocks the thread while it waits. */
export function acquireLockSync(path: string | URL, options: AcquireOptions | boolean = {}): Lock {
  return manager().acquireSync({ file: path }, optionsFrom(options));
}

/** `withLock` for scripts that cannot wait asynchronously: blocks the thread while it waits. */
export function withLockSync<T>(path: string | URL, body: SyncBody<T>): T;
export function withLockSync<T>(
  path: string | URL,
  options: AcquireOptions | undefined,
  body: SyncBody<T>,
): T;
export function withLockSync<T>(path: string | URL, ...rest: OptionsAndBody<SyncBody<T>>): T {
  return manager().withSync({ file: path }, ...optionsAndBody(rest));
}

function optionsFrom(options: AcquireOptions | boolean): AcquireOptions {
  return typeof options === 'boolean' ? { mode: options ? 'exclusive' : 'shared' } : options;
}
