import { TimeoutError } from 'holdfast';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { after as callAfter } from '../../src/lock/deadline.ts';
import { newLocks } from '../support/place.ts';
import { passTime } from '../support/time.mjs';
import { LONG, staysOpen } from '../support/turns.ts';

describe('a timeout', () => {
  it('of 0 gets a lock that is free', async () => {
    const locks = newLocks();
    await (await locks.acquire('mirror', { timeout: 0 })).release();
  });

  it('lets those behind go on who are patient [R7]', async () => {
    const locks = newLocks();
    const lock = await locks.acquire('mirror');
    const hasty = locks.acquire('mirror', { timeout: 1 });
    const patient = locks.acquire('mirror', { timeout: Number.POSITIVE_INFINITY });
    await expect(hasty).rejects.toBeInstanceOf(TimeoutError);

    await lock.release();

    await (await patient).release();
  });

  it('is called off when the wait was granted or aborted, and keeps no process alive', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const locks = newLocks();
    const lock = await locks.acquire('mirror');
    const abort = new AbortController();
    const granted = locks.acquire('mirror', { timeout: 60_000 });
    const aborted = locks.acquire('mirror', { timeout: 60_000, signal: abort.signal });
    expect(vi.getTimerCount()).toBe(2);

    abort.abort(new Error('given up'));
    await expect(aborted).rejects.toThrow('given up');
    await lock.release();
    await (await granted).release();

    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 31 + 1, 2 ** 40, Number.MAX_VALUE])(
    'of %d ms is not mistaken for a short one',
    async (timeout) => {
      const warnings: Error[] = [];
      const onWarning = (warning: Error) => warnings.push(warning);
      process.on('warning', onWarning);
      onTestFinished(() => void process.off('warning', onWarning));
      const locks = newLocks();
      const lock = await locks.acquire('mirror');
      const patient = locks.acquire('mirror', { timeout, holdLimit: timeout });
      expect(await staysOpen(patient)).toBe(true); // a timer that overflowed would fire after 1 ms

      await lock.release();

      const granted = await patient;
      await passTime(LONG);
      granted.assertHeld();
      await granted.release();
      expect(warnings).toEqual([]);
    },
  );
});

describe('a deadline', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([0, 1, 999, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 5_000, 3 * 2 ** 31])(
    'of %d ms comes then, and not before',
    (ms) => {
      vi.useFakeTimers();
      const started = performance.now();
      let came: number | undefined;
      callAfter(
        ms,
        () => {
          came = performance.now() - started;
        },
        'alive',
      );

      vi.advanceTimersByTime(Math.max(0, ms - 2));
      if (ms > 2) expect(came).toBe(undefined);
      vi.advanceTimersByTime(3);

      expect(came).toBeGreaterThanOrEqual(ms - 1);
      expect(came).toBeLessThanOrEqual(ms + 1);
    },
  );

  it('is on the monotonic clock: setting the wall clock changes nothing [G9, H22]', () => {
    vi.useFakeTimers();
    let came = 0;
    callAfter(2 ** 31 + 1_000, () => came++, 'alive');

    vi.setSystemTime(Date.now() + 10 * 365 * 86_400_000);
    vi.advanceTimersByTime(2 ** 31);
    expect(came).toBe(0);
    vi.advanceTimersByTime(1_001);
    expect(came).toBe(1);
    vi.advanceTimersByTime(2 ** 32);
    expect(came).toBe(1);
  });

  it('never comes when it was called off, or is infinitely far', () => {
    vi.useFakeTimers();
    let came = 0;
    const callOff = callAfter(2 ** 31 + 1_000, () => came++, 'alive');
    const never = callAfter(Number.POSITIVE_INFINITY, () => came++, 'alive');

    vi.advanceTimersByTime(2 ** 31 - 1); // its first part has passed
    callOff();
    vi.advanceTimersByTime(2 ** 33);
    never();

    expect(came).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps the process alive, or does not, as it is told', () => {
    const spy = vi.spyOn(globalThis, 'setTimeout');
    const timers = () => spy.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef());
    const stops = [callAfter(1e6, () => {}, 'alive'), callAfter(1e6, () => {}, 'background')];
    const kept = timers();
    for (const stop of stops) stop();
    spy.mockRestore();

    expect(kept).toEqual([true, false]);
  });
});
