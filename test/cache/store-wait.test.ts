import { LockManager } from 'holdfast';
import { expect, it, onTestFinished } from 'vitest';
import { StoppedClock } from '../support/clock.ts';
import { next } from '../support/events.ts';
import { until } from '../support/until.ts';
import { making, newCache, put } from './support.ts';

/** A cache whose store is locked as a prune locks it, and the lock. */
async function beingPruned() {
  const { cache, layout } = await newCache();
  const locks = new LockManager({ directory: layout.locks });
  onTestFinished(() => locks.close());
  const prune = await locks.acquire(layout.storeLock);
  return { cache, layout, locks, prune };
}

it.each([
  [0, 59_000],
  [Number.POSITIVE_INFINITY, 120_000],
])('what was made waits for a prune, with a time-out of %d as long as %d ms [K2]', async (timeout, ms) => {
  const { cache, prune } = await beingPruned();
  const clock = new StoppedClock();
  const waiting = next('waiting');
  const fetch = cache.fetch('corpus', making('words'), { timeout });
  fetch.catch(() => {});
  await waiting;

  await clock.elapse(ms);
  await prune.release();

  expect(await fetch).toMatchObject({ size: 5 });
});

it('a call that gives up while it waits for a prune leaves the key to others [K27]', async () => {
  const { cache, layout, locks, prune } = await beingPruned();
  const waiting = next('waiting');
  const leave = new AbortController();
  const fetch = cache.fetch('corpus', making('words'), { signal: leave.signal });
  await waiting;

  leave.abort(new Error('enough'));

  await expect(fetch).rejects.toThrow('enough');
  await until(() => locks.inspect(layout.lockOf('corpus')).state === 'free', 'the key is free');
  await prune.release();
  expect(await put(cache, 'corpus', 'words')).toMatchObject({ generation: 1 });
});
