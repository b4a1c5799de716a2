import type { Grant, SecondLook } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import { sleepSync } from '../storage/fs/sleep-sync.ts';
import { pause } from '../time/time.ts';
import { aborted } from './acquisition.ts';
import type { Cohort } from './cohort.ts';
import type { Request } from './request.ts';
import { seen } from './seen.ts';

const PROBE_RETRIES = 3;

/** A lock that was taken at a second look. */
export interface Late {
  readonly grant: Grant;
  /** How long it was looked at, in milliseconds. */
  readonly waited: number;
}

/**
 * The last chance of a request that does not wait: it takes a free lock whose queued waiters may never take it, as in a
 * container that was paused or killed, if the lock is still free a moment later. Undefined at once in every other case.
 */
export async function secondLook(request: Request, cohort: Cohort): Promise<Late | undefined> {
  const look = firstLook(request, cohort);
  if (look === undefined) return undefined;
  await pause(look.patience);
  if (request.signal?.aborted === true) throw aborted(request, look.patience);
  return cohort.isOpenTo(request.mode) ? late(look) : undefined;
}

/** The same for callers that cannot wait for a moment, but have to. */
export function secondLookSync(request: Request, cohort: Cohort): Late | undefined {
  const look = firstLook(request, cohort);
  if (look === undefined) return undefined;
  sleepSync(look.patience);
  return late(look);
}

function firstLook(request: Request, cohort: Cohort): SecondLook | undefined {
  return cohort.isOpenTo(request.mode) ? engine.lookPast(request) : undefined;
}

function late({ patience, takeThen }: SecondLook): Late | undefined {
  const grant = takeThen();
  return grant === undefined ? undefined : { grant, waited: patience };
}

/** A lock that is busy although nobody holds it was met by somebody's look at it: that is over at once. */
export function tryAfterProbe(request: Request): Grant | undefined {
  for (let retry = 0; retry < PROBE_RETRIES && seen(request.path).state === 'free'; retry++) {
    const grant = engine.tryAcquire(request);
    if (grant !== undefined) return grant;
  }
  return undefined;
}
