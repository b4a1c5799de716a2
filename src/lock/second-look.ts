import { setTimeout } from 'node:timers/promises';
import { type Grant, SECOND_LOOK } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import { sleepSync } from '../storage/fs/sleep-sync.ts';
import type { Cohort } from './cohort.ts';
import type { Request } from './request.ts';
import { seen } from './seen.ts';

const PROBE_RETRIES = 3;

/**
 * The last chance of a request that does not wait: a free lock that only waiters keep from it of whom nobody can tell
 * whether they will ever take it, such as those of a container that was paused, or killed, is taken when it is free still
 * a moment later. Undefined at once in every other case.
 */
export async function secondLook(request: Request, cohort: Cohort): Promise<Grant | undefined> {
  const look = firstLook(request, cohort);
  if (look === undefined) return undefined;
  await setTimeout(SECOND_LOOK);
  request.signal?.throwIfAborted();
  return cohort.isOpenTo(request.mode) ? look() : undefined;
}

/** The same for callers that cannot wait for a moment, but have to. */
export function secondLookSync(request: Request, cohort: Cohort): Grant | undefined {
  const look = firstLook(request, cohort);
  if (look === undefined) return undefined;
  sleepSync(SECOND_LOOK);
  return look();
}

function firstLook(request: Request, cohort: Cohort): (() => Grant | undefined) | undefined {
  return cohort.isOpenTo(request.mode) ? engine.lookPast(request) : undefined;
}

/** A lock that is busy although nobody holds it was met by somebody's look at it: that is over at once. */
export function tryAfterProbe(request: Request): Grant | undefined {
  for (let retry = 0; retry < PROBE_RETRIES && seen(request.path).state === 'free'; retry++) {
    const grant = engine.tryAcquire(request);
    if (grant !== undefined) return grant;
  }
  return undefined;
}
