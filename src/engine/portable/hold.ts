import type { HolderRecord } from '../../identity/holder.ts';
import { trace } from '../../trace/trace.ts';
import type { Degradation } from '../engine.ts';
import { Claim } from './claim.ts';
import { nextToken, writeCount } from './counter.ts';
import { giveBack } from './give-back.ts';
import type { PortableLock } from './lock.ts';
import { forgetNews, readNews } from './news.ts';
import { publishPermit, publishReader, refuseOtherTerms } from './readers.ts';
import { recordFor } from './record.ts';
import { now, Tenure } from './tenure.ts';

/** What an exclusive grant comes with. */
export interface Count {
  readonly token: number | undefined;
  readonly recovered: HolderRecord | undefined;
  readonly degraded: readonly Degradation[];
}

/** A claim of this request, which nobody can see yet. @throws what `Claim.prepare` throws. */
export function prepareClaim({ request, place, settings }: PortableLock, mode = request.mode): Claim {
  return Claim.prepare(request, place, settings.layout, recordFor(request, mode, settings.lease));
}

/** The claim, or, where it has waited for too long, a new one of the same mode. */
export function fresh(lock: PortableLock, claim: Claim | undefined, mode = lock.request.mode): Claim {
  if (claim?.isStale === false) return claim;
  if (claim !== undefined) giveBack(claim);
  return prepareClaim(lock, mode);
}

/** Counts an exclusive grant for who has the gate, and hears of the holder that died before it; see `leaveNews`. */
export function countGrant(lock: PortableLock, gate: Tenure): Count {
  lock.settings.step('count');
  const token = nextToken(lock);
  const outcome = writeCount(lock, token, gate.token);
  const counted = outcome === 'written';
  const recovered = readNews(lock);
  trace?.(
    lock.place.lock,
    `granted with token ${token}${recovered === undefined ? '' : '; the holder before it died'}`,
  );
  if (recovered !== undefined && counted) forgetNews(lock); // uncounted, the news must outlive this holder
  if (counted) return { token, recovered, degraded: [] };
  const { counter: path } = lock.place;
  const isForeign = outcome === 'foreign';
  const why = isForeign
    ? `${path} is not Holdfast’s and was left as it is`
    : `the token cannot be written to ${path}`;
  const detail = `${why}; the lock holds, without a fencing token`;
  const reason = isForeign ? 'foreign-content' : 'record-not-written';
  return { token: undefined, recovered, degraded: [{ reason, path, detail }] };
}

/** Leaves the claim of a reader, for who has the gate. Undefined when every permit is taken. @throws {PermitsError} */
export function shareUnderGate(lock: PortableLock, claim = prepareClaim(lock, 'shared')): Tenure | undefined {
  const { permits } = lock.request;
  const sent = now();
  try {
    const path = permits === undefined ? share(lock, claim) : publishPermit(lock, claim, permits);
    trace?.(
      lock.place.lock,
      path === undefined ? 'has every permit taken' : `granted together with others, by claim ${claim.token}`,
    );
    if (path !== undefined) return new Tenure(lock, claim, path, sent);
  } catch (error) {
    giveBack(claim);
    throw error;
  }
  giveBack(claim);
  return undefined;
}

function share(lock: PortableLock, claim: Claim): string | undefined {
  refuseOtherTerms(lock, undefined);
  const path = lock.place.readerPath(claim.token);
  return publishReader(lock, claim, path) ? path : undefined;
}
