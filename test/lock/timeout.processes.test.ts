import { BusyError, TimeoutError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { StoppedClock } from '../support/clock.ts';
import { heard } from '../support/events.ts';
import { newPlace } from '../support/place.ts';
import { passTime } from '../support/time.mjs';
import { LONG, staysOpen } from '../support/turns.ts';

describe('a timeout', () => {
  it('of 0 tries once and fails with BusyError, in order after the event that says so [G11]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror');
    const [waits, failures] = [heard('waiting'), heard('timed-out')];

    const attempt = locks.acquire('mirror', { timeout: 0 });

    await expect(attempt).rejects.toBeInstanceOf(BusyError);
    await expect(attempt).rejects.toMatchObject({ waited: 0, holder: { pid: agent.pid } });
    expect(waits).toEqual([]);
    expect(failures).toMatchObject([{ waited: 0, resource: 'mirror' }]);
  });

  it('that is finite fails with TimeoutError, never early, and disturbs nobody [G14, R41, F8]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror');
    const failures = heard('timed-out');
    const clock = new StoppedClock();

    const attempt = locks.acquire('mirror', { timeout: 40 });

    clock.advance(38);
    expect(await staysOpen(attempt)).toBe(true); // however often its timer fires
    await clock.elapse(2);
    await expect(attempt).rejects.toBeInstanceOf(TimeoutError);
    const error: TimeoutError = await attempt.catch((error) => error);
    expect(error).toMatchObject({ resource: 'mirror', path: locks.pathOf('mirror'), position: 1 });
    expect(error.waited).toBe(40);
    expect(error.holder).toMatchObject({ pid: agent.pid });
    expect(failures).toHaveLength(1);
    await agent.run(({ locks }) => locks.lock?.assertHeld());
    expect(locks.query().pending).toEqual([]);
  });

  it('leaves no late grant behind: the lock is free once its holder released [X57]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror');
    const grants = heard('granted');
    await expect(locks.acquire('mirror', { timeout: 1 })).rejects.toBeInstanceOf(TimeoutError);

    await agent.release();

    expect(await agent.couldAcquire('mirror')).toBe(true);
    await passTime(LONG);
    expect(grants).toEqual([]);
  });

  it('covers a synchronous wait as well [F8]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror');
    new StoppedClock().passInSleep();

    expect(() => locks.acquireSync('mirror', { timeout: 30 })).toThrow(
      expect.objectContaining({ name: 'TimeoutError', waited: 30 }),
    );

    await agent.run(({ locks }) => locks.lock?.assertHeld());
  });
});
