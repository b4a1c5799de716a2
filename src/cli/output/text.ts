import { writeSync } from 'node:fs';
import { systemCode } from '../../errors/base.ts';

/**
 * Writes to standard output or error at once, so that nothing is lost when the process exits right after.
 * `process.stdout` would cost a millisecond to set up, and writes to pipes later. False when nobody reads any more.
 */
export function write(descriptor: 1 | 2, text: string | Uint8Array): boolean {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      if (systemCode(error) === 'EAGAIN') pause();
      else return false; // EPIPE and the like
    }
  }
  return true;
}

export function print(line: string): boolean {
  return write(1, `${line}\n`);
}

/** A line for the person at the terminal, beside whatever the command itself prints. */
export function note(line: string): void {
  write(2, `holdfast: ${line}\n`);
}

const never = new Int32Array(new SharedArrayBuffer(4));

/** A full pipe that somebody made non-blocking: its reader needs a moment. */
function pause(): void {
  Atomics.wait(never, 0, 0, 5);
}
