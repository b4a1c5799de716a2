import { trace } from '../../trace/trace.ts';
import type { Degradation } from '../engine.ts';
import { Claim } from './claim.ts';
import { nextToken, noteMakeshift, writeCount } from './counter.ts';
import type { PortableLock } from './lock.ts';
import { forgetNews, markGranted, type News, readNews } from './news.ts';
import { giveBackOwn } from './own-right.ts';
import { publishPermit } from './permits.ts';
import { publishReader, refuseOtherTerms } from './readers.ts';
import { recordFor } from './record.ts';
import { now, Tenure } from './tenure.ts';

/** What an exclusive grant comes with. */
export interface Count {
  readonly token: number | undefined;
  /** Of the holder that died before it. To be forgotten once the grant is certain. */
  readonly news: News | undefined;
  readonly degraded: readonly Degradation[];
  /** Whether a file beside the counter says that it was granted, which goes with the grant. */
  readonly isMarked: boolean;
}

/** A claim of this request, which nobody can see yet. @throws what `Claim.prepare` throws. */
export function prepareClaim({ request, place, settings }: PortableLock, mode = request.mode): Claim {
  return Claim.prepare(request, place, settings.layout, recordFor(request, mode, settings.lease));
}

/** The claim, or, where it has waited for too long, a new one of the same mode. */
export function fresh(lock: PortableLock, claim: Claim | undefined, mode = lock.request.mode): Claim {
  if (claim?.isStale === false) return claim;
  if (claim !== undefined) giveBackOwn(lock, claim);
  return prepareClaim(lock, mode);
}

/** Counts an exclusive grant for who has the gate, and hears of the holder that died before it; see `leaveNews`. */
export function countGrant(lock: PortableLock, gate: Tenure): Count {
  lock.settings.step('count');
  const token = nextToken(lock);
  const outcome = writeCount(lock, token, gate.token);
  const counted = outcome === 'written';
  const isMarked = !counted && markGranted(lock, gate.token);
  const news = readNews(lock);
  trace?.(
    lock.place.lock,
    `granted with token ${token}${news === undefined ? '' : '; the holder before it died'}`,
  );
  if (counted) return { token, news, degraded: [], isMarked };
  const { counter: path } = lock.place;
  const isForeign = outcome === 'foreign';
  const why = isForeign
    ? `${path} is not Holdfast's and was left as it is`
    : `the token cannot be written to ${path}`;
  const detail = `${why}; the lock holds, without a fencing token`;
  const reason = isForeign ? 'foreign-content' : 'record-not-written';
  return { token: undefined, news, degraded: [{ reason, path, detail }], isMarked };
}

/** Step 3 of `leaveNews`, once the grant is certain. Unless it is on record, the news must outlive this holder. */
export function hearNews(lock: PortableLock, { news, token, isMarked }: Count): void {
  if (news !== undefined && (token !== undefined || isMarked)) forgetNews(lock);
}

/**
 * Leaves the claim of a reader, for who has the gate. Undefined when every permit is taken, or the gate was lost meanwhile:
 * see `publishReader`. @throws {PermitsError}
 */
export function shareUnderGate(
  lock: PortableLock,
  gate: Tenure,
  claim = prepareClaim(lock, 'shared'),
): Tenure | undefined {
  const { permits } = lock.request;
  const sent = now();
  try {
    noteMakeshift(lock, claim.token);
    const path = permits === undefined ? share(lock, claim) : publishPermit(lock, claim, permits);
    lock.settings.step('look-at-gate');
    const isShared = path !== undefined && gate.isIntact();
    trace?.(
      lock.place.lock,
      isShared ? `granted together with others, by claim ${claim.token}` : refusal(path),
    );
    if (isShared) return new Tenure(lock, claim, sent);
  } catch (error) {
    giveBackOwn(lock, claim);
    throw error;
  }
  giveBackOwn(lock, claim);
  return undefined;
}

function refusal(path: string | undefined): string {
  return path === undefined ? 'has every permit taken' : 'is not shared: its gate was removed meanwhile';
}

function share(lock: PortableLock, claim: Claim): string | undefined {
  refuseOtherTerms(lock, undefined);
  const path = lock.place.readerPath(claim.token);
  return publishReader(lock, claim, path) ? path : undefined;
}
