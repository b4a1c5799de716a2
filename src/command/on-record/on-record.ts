import type { ChildProcess } from 'node:child_process';
import { processFacts } from '../../identity/index.ts';
import type { Lock } from '../../lock/lock.ts';
import type { StartOptions } from '../start-options.ts';

/** Puts on record what works under a lock. @throws {UnwritableError} it cannot be. */
export type Recorder = (child: Parameters<Lock['recordChild']>[0]) => void;

/**
 * Starts a command under locks that no descriptor carries, so that the record alone keeps them for it. However this
 * process ends, no such command ever runs while the locks are free.
 *
 * @throws {UnwritableError} the record cannot be written; no command was started, or will be.
 * @throws what `spawn` throws. A process without an id failed to start, as with `spawn`.
 */
export type StartOnRecord = (
  words: readonly [string, ...string[]],
  options: StartOptions,
  record: Recorder,
) => ChildProcess;

/** A process as records know it. */
export function identityOf(pid: number): { readonly pid: number; readonly start?: string } {
  const start = processFacts.look(pid)?.start;
  return start === undefined ? { pid } : { pid, start };
}
