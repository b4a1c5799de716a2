import { sleepSync } from '../../storage/fs/sleep-sync.ts';
import { performance } from '../../time/time.ts';
import type { LockRequest } from '../engine.ts';
import { LookPast } from '../look-past.ts';
import { Contender } from './contender.ts';
import type { PortableGrant } from './grant.ts';
import { Line } from './line.ts';
import { Pauses } from './pauses.ts';
import type { Settings } from './settings.ts';

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
  const past = new LookPast(request.pollInterval);
  let grant: PortableGrant | undefined;
  line.join();
  try {
    for (;;) {
      const mayTry =
        !line.isBehind() || past.mayPass(() => contender.isFree(line.vacancy()), line.patience());
      if (mayTry) grant = contender.tryOnce();
      if (grant !== undefined) return grant;
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
