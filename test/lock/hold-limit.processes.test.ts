import { LostError } from 'holdfast';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Agent } from '../support/agent.ts';
import { StoppedClock } from '../support/clock.ts';
import { heard, lossOf } from '../support/events.ts';
import { newPlace } from '../support/place.ts';

describe('a lock with a hold limit', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is released by its own watchdog, which aborts its signal and says so once [R11]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const [losses, releases] = [heard('lost'), heard('released')];
    const clock = new StoppedClock();
    const lock = await locks.acquire('mirror', { holdLimit: 30 });

    await clock.elapse(30);
    const reason = await lossOf(lock.signal);

    expect(reason).toBeInstanceOf(LostError);
    expect(reason).toMatchObject({
      reason: 'hold-limit',
      resource: 'mirror',
      message:
        'The lock on mirror is not held: it was held longer than its hold limit of 30ms and was released by its own watchdog. Raise holdLimit, or split the work.',
    });
    expect(() => lock.assertHeld()).toThrow(reason as Error);
    await agent.acquire('mirror');
    expect(losses).toMatchObject([{ reason: 'hold-limit', resource: 'mirror', held: 30 }]);
    await lock.release();
    expect(releases).toEqual([]);
    await agent.run(({ locks }) => locks.lock?.assertHeld());
  });

  it('does not keep a process alive that has nothing else to do', async () => {
    const { home } = newPlace();
    const agent = await Agent.start({ home, node: ['--expose-gc'] });

    const kept = await agent.run(async ({ manager }) => {
      const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
      const before = timers();
      const lock = await manager.acquire('mirror', { holdLimit: 60_000 });
      const after = timers();
      await lock.release();
      return after - before;
    });

    expect(kept).toBe(0);
  });
});
