import type { Engine, Grant, LockRequest } from '../engine.ts';
import { Contender } from './contender.ts';
import { inspect } from './inspect.ts';
import { untilFree } from './until-free.ts';
import { KernelWaiter } from './waiter.ts';

const FIRST_PAUSE = 0.5;
const LONGEST_PAUSE = 10;
const PROBE_RETRIES = 3;

/** flock(2) on POSIX systems, LockFileEx on Windows. */
export const kernelEngine: Engine = {
  contract: 'kernel',

  tryAcquire(request) {
    const contender = new Contender(request);
    const grant = contender.tryOnce();
    if (grant === undefined) return retryAfterProbe(contender, request);
    return grant;
  },

  wait: (request, outcome) => new KernelWaiter(request, outcome),

  acquireSync(request, timeout) {
    const contender = new Contender(request);
    const deadline = performance.now() + timeout;
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      const grant = contender.tryOnce();
      const left = deadline - performance.now();
      if (grant !== undefined || left <= 0) {
        if (grant === undefined) contender.close();
        return grant;
      }
      sleep(Math.min(left, pause * (0.5 + Math.random())));
    }
  },

  inspect,

  untilFree,
};

/** A lock that is busy although nobody seems to hold it was met by somebody's probe: it is over at once. */
function retryAfterProbe(contender: Contender, request: LockRequest): Grant | undefined {
  let grant: Grant | undefined;
  for (let retry = 0; retry < PROBE_RETRIES && grant === undefined; retry++) {
    if (inspect(request.path).state !== 'free') break;
    grant = contender.tryOnce();
  }
  if (grant === undefined) contender.close();
  return grant;
}

const never = new Int32Array(new SharedArrayBuffer(4));

function sleep(ms: number): void {
  Atomics.wait(never, 0, 0, ms);
}
