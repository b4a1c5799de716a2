import { InotifyWake } from './inotify.ts';
import type { Wake } from './wake.ts';
import { WatchWake } from './watch.ts';

let selected: Wake | undefined;

/** The waking of this thread, set up on the first wait. */
export function wake(): Wake {
  selected ??= process.platform === 'linux' ? new InotifyWake() : new WatchWake();
  return selected;
}
