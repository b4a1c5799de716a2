import { setImmediate } from '../../time/time.ts';
import { hasOtherThreadAtWork } from './process-status.ts';

/**
 * Calls back when every signal that this process took before now was told to its listeners. Whichever thread takes one, a
 * handler of libuv's writes it to a pipe, which the event loop reads at the end of a poll: after all else that this poll
 * found (trace; T a thread that took the signal, M the main thread, which calls this):
 *  1. T has not written yet: it is running, or waits for a processor. M looks again after the next poll.
 *  2. T has written: M reads that in its next poll at the latest, and calls back after it.
 * No clock is involved: T may stand still for as long as a busy machine likes.
 */
export function onceTold(callback: () => void): void {
  setImmediate(() => {
    if (hasOtherThreadAtWork()) onceTold(callback);
    else setImmediate(callback); // after one more poll
  });
}
