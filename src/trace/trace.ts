import { writeSync } from 'node:fs';
import { debuglog } from 'node:util';
import { threadId } from 'node:worker_threads';
import { hrtime } from '../time/time.ts';

const NANOSECONDS_PER_MICROSECOND = 1000n;
const STANDARD_ERROR = 2;
/** Names and messages come from anywhere: none may look like a line of its own, or reach the terminal as a command. */
const CONTROL = /\p{C}/gu;

/**
 * With `NODE_DEBUG=holdfast`, tells one step of a wait, a wake-up, a take-over or a run on standard error: which process and
 * thread, which lock or command it is about, and what happens and why. The number is the machine's monotonic clock in
 * microseconds, so that the lines of several processes sort into one history. A line that cannot be written is dropped: it
 * must not matter to a program whether it is watched.
 *
 * Undefined otherwise. Call it as `trace?.(path, …)`: then neither the call nor the building of its text costs anything.
 */
export const trace = debuglog('holdfast').enabled
  ? (subject: string, step: string): void => {
      const now = hrtime() / NANOSECONDS_PER_MICROSECOND;
      const line = `HOLDFAST ${process.pid}: ${now} thread ${threadId} ${subject}: ${step}`;
      try {
        writeSync(STANDARD_ERROR, `${line.replace(CONTROL, '\uFFFD')}\n`);
      } catch {
        // A full disk or pipe, or nobody reads.
      }
    }
  : undefined;
