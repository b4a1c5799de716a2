import type { Body, SyncBody } from './body.ts';
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
 * Locks a file by its path or `file:` URL; the lock file `.<name>.lock` lies beside it. `exclusive` may be `false` for a shared lock.
 * Waits up to 5 seconds. Throws as `LockManager.acquire` does.
 *
 * @example
 * await using lock = await acquireLock('data/roles.json');
 */
export function acquireLock(path: string | URL, exclusive = true): Promise<Lock> {
  return manager().acquire({ file: path }, { mode: exclusive ? 'exclusive' : 'shared' });
}

/**
 * Runs `operation` while the file at `path` is locked, exclusively and after at most 5 seconds unless the options say
 * otherwise. Releases the lock whatever the operation does.
 *
 * @example
 * await withLock('data/roles.json', async () => { … });
 */
export function withLock<T>(path: string | URL, operation: Body<T>): Promise<T>;
export function withLock<T>(path: string | URL, options: AcquireOptions, operation: Body<T>): Promise<T>;
export function withLock<T>(path: string | URL, ...rest: [Body<T>] | [AcquireOptions, Body<T>]): Promise<T> {
  const [options, operation] = rest.length === 1 ? [{}, rest[0]] : rest;
  return manager().with({ file: path }, options, operation);
}

/** `acquireLock` for scripts that cannot wait asynchronously: blocks the thread while it waits. */
export function acquireLockSync(path: string | URL, exclusive = true): Lock {
  return manager().acquireSync({ file: path }, { mode: exclusive ? 'exclusive' : 'shared' });
}

/** `withLock` for scripts that cannot wait asynchronously: blocks the thread while it waits. */
export function withLockSync<T>(path: string | URL, operation: SyncBody<T>): T {
  return manager().withSync({ file: path }, {}, operation);
}
