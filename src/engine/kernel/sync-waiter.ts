import { sleepSync } from '../../storage/fs/sleep-sync.ts';
import type { Grant, LockRequest } from '../engine.ts';
import { Contender } from './contender.ts';
import { Place } from './queue.ts';

const FIRST_PAUSE = 0.5;
const LONGEST_PAUSE = 10;
/** How often a waiter behind others looks whether the lock is free all the same, in milliseconds. */
const LOOK_PAST_EVERY = 250;

/**
 * Waits on this very thread, in the same queue as everybody else, by looking again after pauses that grow to 10 ms.
 * Undefined when the time, in milliseconds, is up.
 */
export function waitSync(request: LockRequest, timeout: number, poll?: () => void): Grant | undefined {
  const contender = new Contender(request);
  const place = new Place(request);
  const deadline = performance.now() + timeout;
  let nextLook = performance.now() + LOOK_PAST_EVERY;
  place.join();
  try {
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      const ahead = place.predecessor();
      ahead?.close();
      const now = performance.now();
      const passes = ahead !== undefined && now >= nextLook && contender.isFree();
      if (now >= nextLook) nextLook = now + LOOK_PAST_EVERY;
      const grant = ahead === undefined || passes ? contender.tryOnce() : undefined;
      if (grant !== undefined) return grant;
      const left = deadline - performance.now();
      if (left <= 0) {
        contender.close();
        return undefined;
      }
      poll?.();
      sleepSync(Math.min(left, pause * (0.5 + Math.random())));
    }
  } catch (error) {
    contender.close();
    throw error;
  } finally {
    place.leave();
  }
}
