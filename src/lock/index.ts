export { type CleanResult, cleanStale, type StaleEntry } from './clean-stale.ts';
export { Lock } from './lock.ts';
export { LockSet } from './lock-set.ts';
export { LockManager } from './manager.ts';
export type { AcquireOptions, ManagerOptions } from './options.ts';
export { type Problem, toProblem } from './problem.ts';
export type { LockInfo, PendingInfo, QueryResult } from './query.ts';
export type { Target } from './resource.ts';
export { acquireLock, acquireLockSync, withLock, withLockSync } from './simple.ts';
