import { basename } from 'node:path';
import { debuglog } from 'node:util';
import { threadId } from 'node:worker_threads';

const log = debuglog('holdfast');
const NANOSECONDS_PER_MICROSECOND = 1000n;

/**
 * With `NODE_DEBUG=holdfast`, tells one step of a wait, a wake-up, a take-over or a run on standard error: which lock, and
 * what happens and why; Node.js puts the process id before it. The first number is the machine's monotonic clock in
 * microseconds, so that the lines of several processes sort into one history.
 *
 * Undefined otherwise. Call it as `trace?.(path, …)`: then neither the call nor the building of its text costs anything.
 */
export const trace = log.enabled
  ? (path: string, step: string): void => {
      const now = process.hrtime.bigint() / NANOSECONDS_PER_MICROSECOND;
      log('%d thread %d %s: %s', Number(now), threadId, basename(path), step);
    }
  : undefined;
