import { Date, LAST_TIME } from '../time/time.ts';
import type { OnceRecord } from './record.ts';
import type { Store } from './store.ts';

/** What a call accepts of what is recorded. Spans in milliseconds; undefined: as the run that recorded it had it. */
export interface Terms {
  readonly ttl?: number | undefined;
  readonly failureTtl?: number | undefined;
  readonly staleWhileRevalidate?: number | undefined;
  /** The digest of the inputs now. */
  readonly inputs: string | null;
}

/** What the records of a key mean to a call. */
export type Judgement =
  | { readonly state: 'fresh' | 'stale' | 'failed'; readonly record: OnceRecord }
  | { readonly state: 'none' };

const NONE: Judgement = { state: 'none' };

/** Reads what is recorded and judges it; the failure, if there is one, only where no success answers. */
export function judge(store: Store, terms: Terms, now = Date.now()): Judgement {
  const success = store.success();
  if (success !== undefined && success.header.inputs === terms.inputs) {
    const ttl = terms.ttl ?? ttlOf(success);
    if (isWithin(success, ttl, now)) return { state: 'fresh', record: success };
    if (isWithin(success, ttl + (terms.staleWhileRevalidate ?? 0), now)) {
      return { state: 'stale', record: success };
    }
  }
  const failure = failureStands(store, terms, success, now);
  return failure === undefined ? NONE : { state: 'failed', record: failure };
}

/** The failure that still answers for a run, if there is one: newer than every success. */
export function failureStands(
  store: Store,
  terms: Terms,
  success = store.success(),
  now = Date.now(),
): OnceRecord | undefined {
  const failure = store.failure();
  if (failure === undefined || failure.header.inputs !== terms.inputs) return undefined;
  if (failure.header.run < (success?.header.run ?? 0)) return undefined;
  return isWithin(failure, terms.failureTtl ?? ttlOf(failure), now) ? failure : undefined;
}

/** How long an outcome answers for a run, as its own run had it. */
export function ttlOf({ header }: OnceRecord): number {
  return header.ttl ?? Number.POSITIVE_INFINITY;
}

/** How many milliseconds are left of a time to live; 0 or less: none. Infinity: no date can say when it ends. */
export function remaining(record: OnceRecord, ttl: number, now = Date.now()): number {
  if (!isWithin(record, ttl, now)) return 0;
  const left = ttl - (now - Date.parse(record.header.finished));
  return left > LAST_TIME - now ? Number.POSITIVE_INFINITY : left;
}

/** An outcome from the future, by a clock that was set back, has no age that could be told: it counts as too old. */
function isWithin(record: OnceRecord, ttl: number, now: number): boolean {
  if (ttl === Number.POSITIVE_INFINITY) return true;
  const age = now - Date.parse(record.header.finished);
  return age >= 0 && age < ttl;
}
