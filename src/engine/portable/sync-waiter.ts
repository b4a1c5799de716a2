import { sleepSync } from '../../storage/fs/sleep-sync.ts';
import type { LockRequest } from '../engine.ts';
import { Contender } from './contender.ts';
import type { PortableGrant } from './grant.ts';
import { isUpgradeWanted, Line } from './line.ts';
import { Pauses } from './pauses.ts';
import type { Settings } from './settings.ts';

/** How often a waiter behind others looks whether the lock is free all the same, in milliseconds. */
const LOOK_PAST_EVERY = 250;

/** Waits on this very thread, in the same line as everybody else. Undefined when the time, in milliseconds, is up. */
export function waitSync(
  request: LockRequest,
  settings: Settings,
  timeout: number,
  poll?: () => void,
): PortableGrant | undefined {
  const contender = new Contender(request, settings);
  const line = new Line(contender.lock);
  const pauses = new Pauses(request.pollInterval);
  const deadline = performance.now() + timeout;
  let nextLook = performance.now() + LOOK_PAST_EVERY;
  let grant: PortableGrant | undefined;
  line.join();
  try {
    for (;;) {
      const now = performance.now();
      const passes = now >= nextLook && contender.isFree();
      if (now >= nextLook) nextLook = now + LOOK_PAST_EVERY;
      if (contender.isDraining || passes || !line.isBehind()) grant = contender.tryOnce();
      if (grant !== undefined) return grant;
      if (contender.isDraining && isUpgradeWanted(contender.lock.place)) contender.close();
      const left = deadline - performance.now();
      if (left <= 0) return undefined;
      poll?.();
      sleepSync(Math.min(left, pauses.next()));
    }
  } finally {
    line.leave();
    if (grant === undefined) contender.close();
  }
}
