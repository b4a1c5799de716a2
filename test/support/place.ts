import { join } from 'node:path';
import { LockManager, type ManagerOptions } from 'holdfast';
import { onTestFinished } from 'vitest';
import { tempDirectory } from './temp.ts';

export interface Place {
  /** What agents get as their home, so that their locks are the same as those of `locks`. */
  readonly home: string;
  readonly locks: LockManager;
}

/** A manager in a place of the running test's own. */
export function newPlace(options: ManagerOptions = {}): Place {
  const home = tempDirectory();
  return { home, locks: locksIn(home, options) };
}

/** A manager of the locks that agents in this home have. */
export function locksIn(home: string, options: ManagerOptions = {}): LockManager {
  return new LockManager({ directory: join(home, 'locks'), ...options });
}

export function newLocks(options: ManagerOptions = {}): LockManager {
  return newPlace(options).locks;
}

/** A home that is also `HOLDFAST_HOME` of this process until the test is over. */
export function newHome(): string {
  const home = tempDirectory();
  const before = process.env.HOLDFAST_HOME;
  process.env.HOLDFAST_HOME = home;
  onTestFinished(() => {
    if (before === undefined) delete process.env.HOLDFAST_HOME;
    else process.env.HOLDFAST_HOME = before;
  });
  return home;
}
