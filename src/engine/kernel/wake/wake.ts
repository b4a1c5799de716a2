/** What is watched: the lock itself, or the ticket of the waiter ahead. */
export type WatchKind = 'lock' | 'ticket';

/** How a waiter learns that a lock may have become free. Hints only: a waiter always asks the kernel itself. */
export interface Wake {
  /** The longest a waiter sleeps without a hint, in milliseconds. */
  readonly backstop: number;
  /** Why nothing is seen of the file that was to be watched last, in words; undefined when it is watched. */
  readonly refusal: string | undefined;
  /**
   * Calls back after changes to the file behind an open descriptor, until the returned function is called. Where the system
   * refuses the watch, `refusal` says so then, and it never calls back.
   */
  watch(fd: number, path: string, kind: WatchKind, onHint: () => void): () => void;
  /** Makes a release visible that writes nothing, where closing a file is not seen by others. */
  touch(fd: number): void;
}
