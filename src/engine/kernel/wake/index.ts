import { isMainThread } from 'node:worker_threads';
import { InotifyWake } from './inotify.ts';
import type { Wake } from './wake.ts';
import { WatchWake } from './watch.ts';

let selected: Wake | undefined;

/**
 * The waking of this thread, set up on the first wait.
 *
 * Worker threads do without inotify: a worker can be terminated with no chance to close the poll handle first, and an
 * event that then reaches the binding aborts the whole process (measured). They see releases, and crashes by timer. So does
 * Bun, which has no libuv to poll the descriptor with, and aborts the process where a binding asks for that.
 */
export function wake(): Wake {
  const hasInotify = process.platform === 'linux' && isMainThread && process.versions.bun === undefined;
  selected ??= hasInotify ? new InotifyWake() : new WatchWake();
  return selected;
}
