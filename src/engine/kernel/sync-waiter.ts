import { sleepSync } from '../../storage/fs/sleep-sync.ts';
import { performance } from '../../time/time.ts';
import type { Grant, LockRequest } from '../engine.ts';
import { LookPast } from '../look-past.ts';
import { Contender } from './contender.ts';
import { Place } from './queue.ts';

const FIRST_PAUSE = 0.5;
const LONGEST_PAUSE = 10;

/**
 * Waits on this very thread, in the same queue as everybody else, by looking again after pauses that grow to 10 ms.
 * Undefined when the time, in milliseconds, is up.
 */
export function waitSync(request: LockRequest, timeout: number, poll?: () => void): Grant | undefined {
  const contender = new Contender(request);
  const place = new Place(request);
  const deadline = performance.now() + timeout;
  const past = new LookPast(request.pollInterval);
  place.join();
  try {
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      const ahead = place.predecessor();
      ahead?.close();
      const mayTry = ahead === undefined || past.mayPass(() => contender.isFree(place.vacancy()));
      const grant = mayTry ? contender.tryOnce() : undefined;
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
