import { LostError } from 'holdfast';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { heard, lossOf, next } from '../support/events.ts';
import { newLocks } from '../support/place.ts';

describe('a lock with a hold limit', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is lost also when nobody asked for its signal [R11]', async () => {
    const locks = newLocks();
    const lost = next('lost');
    const lock = await locks.acquire('mirror', { holdLimit: 5 });
    await lost;

    expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ reason: 'hold-limit' }));
    expect(lock.signal.aborted).toBe(true);
    expect(lock.signal.reason).toMatchObject({ reason: 'hold-limit' });
    await (await locks.acquire('mirror', { timeout: 0 })).release();
  });

  it('reports a body of `with` that outlived it as LostError, and the body’s own error first [R11]', async () => {
    const locks = newLocks();
    const work = (result: () => unknown) =>
      locks.with('mirror', { holdLimit: 5 }, async (lock) => {
        await lossOf(lock.signal);
        return result();
      });
    const failure = new Error('disk on fire');

    await expect(work(() => 42)).rejects.toMatchObject({ code: 'HOLDFAST_LOST', reason: 'hold-limit' });
    await expect(work(() => Promise.reject(failure))).rejects.toBe(failure);
  });

  it('is not lost a moment before its limit, nor at all once it was released [R11]', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const locks = newLocks({ holdLimit: 30_000 });
    const losses = heard('lost');

    const brief = await locks.acquire('mirror');
    vi.advanceTimersByTime(29_990);
    brief.assertHeld();
    expect(vi.getTimerCount()).toBe(1);
    await brief.release();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(100_000);
    expect(losses).toEqual([]);

    const long = await locks.acquire('mirror');
    vi.advanceTimersByTime(30_001);
    expect(losses).toHaveLength(1);
    expect(() => long.assertHeld()).toThrow(LostError);

    const own = await locks.acquire('mirror', { holdLimit: 60_000 });
    vi.advanceTimersByTime(59_000);
    own.assertHeld();
    await own.release();
  });

  it('does not begin to count while it is waited for [R11]', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const locks = newLocks();
    const first = await locks.acquire('mirror');
    const second = locks.acquire('mirror', { holdLimit: 1_000, timeout: Number.POSITIVE_INFINITY });
    vi.advanceTimersByTime(5_000);
    await first.release();

    const lock = await second;
    vi.advanceTimersByTime(900);
    lock.assertHeld();
    await lock.release();
  });
});
