import { futimesSync } from 'node:fs';
import { Date } from '../../../time/time.ts';

/** Changes the file's times, for waiters that see changes but not closes. */
export function touch(fd: number): void {
  try {
    const now = new Date();
    futimesSync(fd, now, now);
  } catch {
    // A read-only descriptor: the timer wakes those waiters.
  }
}
