import type { Degradation } from '../../engine.ts';

/** What is watched: the lock itself, or the ticket of the waiter ahead. */
export type WatchKind = 'lock' | 'ticket';

/** How a waiter learns that a lock may have become free. Hints only: a waiter always asks the kernel itself. */
export interface Wake {
  /** The longest a waiter sleeps without a hint, in milliseconds. */
  readonly backstop: number;
  /** Why hints come late or not at all, when the system refused to give them. */
  readonly degraded: Omit<Degradation, 'path'> | undefined;
  /** Calls back after changes to the file behind an open descriptor, until the returned function is called. */
  watch(fd: number, path: string, kind: WatchKind, onHint: () => void): () => void;
  /** Makes a release visible that writes nothing, where closing a file is not seen by others. */
  touch(fd: number): void;
}
