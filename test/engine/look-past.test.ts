import { afterEach, describe, expect, it, vi } from 'vitest';
import { LookPast } from '../../src/engine/look-past.ts';

describe('a waiter that blocks its thread behind others', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Asks in each of so many milliseconds; tells when it looked at the lock, and when it might pass. */
  function ask(isFreeAt: (ms: number) => boolean, until: number, every?: number) {
    vi.useFakeTimers({ toFake: ['performance'], now: 0 });
    const past = new LookPast(every);
    const looked: number[] = [];
    const passed: number[] = [];
    for (let ms = 0; ms <= until; ms++) {
      const mayPass = past.mayPass(() => {
        looked.push(ms);
        return isFreeAt(ms);
      });
      if (mayPass) passed.push(ms);
      vi.advanceTimersByTime(1);
    }
    return { looked, passed };
  }

  it('takes a lock only that it found free twice, 20 ms apart [R81]', () => {
    expect(ask(() => true, 300)).toEqual({ looked: [250, 270], passed: [270] });
    expect(ask(() => true, 300, 30)).toEqual({
      looked: [30, 50, 80, 100, 130, 150, 180, 200, 230, 250, 280, 300],
      passed: [50, 100, 150, 200, 250, 300],
    });
    expect(ask(() => true, 300, 60_000)).toEqual({ looked: [], passed: [] });
  });

  it('does not take one that was free for a moment, between a release and the turn of the first [R7, R81]', () => {
    expect(ask((ms) => ms === 250, 600)).toEqual({ looked: [250, 270, 520], passed: [] });
    expect(ask((ms) => ms === 250 || ms >= 520, 600).passed).toEqual([540]);
  });
});
