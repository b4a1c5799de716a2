import { isMainThread } from 'node:worker_threads';
import { InotifyWake } from './inotify.ts';
import type { Wake } from './wake.ts';
import { WatchWake } from './watch.ts';

let selected: Wake | undefined;

/**
 * The waking of this thread, set up on the first wait.
 *
 * Worker threads do without inotify: a worker can be terminated with no chance to close the poll handle first, and an
 * event that then reaches the binding aborts the whole process (measured). They see releases, and crashes by timer.
 */
export function wake(): Wake {
  selected ??= process.platform === 'linux' && isMainThread ? new InotifyWake() : new WatchWake();
  return selected;
}
