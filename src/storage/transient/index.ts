import { systemCode } from '../../errors/base.ts';
import { setTimeout } from '../../time/time.ts';
import { TRANSIENT as POSIX } from './posix.ts';
import { TRANSIENT as WINDOWS } from './windows.ts';

const TRANSIENT = process.platform === 'win32' ? WINDOWS : POSIX;
const ATTEMPTS = 6;
/** Milliseconds; doubled from try to try. */
const FIRST_PAUSE = 20;

export function isTransient(error: unknown): boolean {
  return TRANSIENT.includes(systemCode(error) ?? '');
}

/**
 * Runs a call to the file system, and again after errors that pass, up to `attempts` times, with pauses that grow and
 * differ from process to process: half of a doubled pause is sure, the other half is left to chance.
 *
 * @throws every other error at once, and what the last try threw.
 */
export async function outlastTransient<T>(call: () => T | Promise<T>, attempts = ATTEMPTS): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt >= attempts || !isTransient(error)) throw error;
      const most = FIRST_PAUSE * 2 ** (attempt - 1);
      await new Promise((resolve) => setTimeout(resolve, most / 2 + (Math.random() * most) / 2));
    }
  }
}
