import { writeFileSync } from 'node:fs';
import { DeadlockError, DegradedError, LostError, onLockEvent } from 'holdfast';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newPlace } from '../support/place.ts';
import { passTime } from '../support/time.mjs';
import { LONG } from '../support/turns.ts';

describe('a downgrade', () => {
  it('admits the readers of its own thread that waited [R4]', async () => {
    const { locks } = newPlace();
    const lock = await locks.acquire('mirror');
    const reader = locks.acquire('mirror', { mode: 'shared' });

    await lock.downgrade();

    await (await reader).release();
    await lock.release();
  });
});

describe('an upgrade', () => {
  it('fails likewise between two readers of one thread [R81]', async () => {
    const { locks } = newPlace();
    const one = await locks.acquire('mirror', { mode: 'shared' });
    const two = await locks.acquire('mirror', { mode: 'shared' });
    const first = one.upgrade();

    await expect(two.upgrade()).rejects.toBeInstanceOf(DeadlockError);

    await two.release();
    await first;
    await one.release();
  });

  it.each(['kernel', 'portable'] as const)(
    'that was aborted never comes about later, when the other reader has gone, by the %s engine [X57]',
    async (engine) => {
      const { locks } = newPlace({ engine });
      const [one, two] = [
        await locks.acquire('mirror', { mode: 'shared' }),
        await locks.acquire('mirror', { mode: 'shared' }),
      ];
      const abort = new AbortController();
      const upgrade = one.upgrade({ signal: abort.signal });
      abort.abort(new Error('never mind'));
      await expect(upgrade).rejects.toThrow('never mind');

      await two.release();
      await passTime(LONG); // whoever still looked for its chance would have had many

      expect(locks.inspect('mirror').state).toBe('shared');
      const another = await locks.tryAcquire('mirror', { mode: 'shared' });
      expect(another).toBeDefined();
      await Promise.all([another?.release(), one.release()]);
    },
  );

  it.each(['kernel', 'portable'] as const)(
    'of one lock is under way once: a second is refused, and the first goes on, by the %s engine',
    async (engine) => {
      const { locks } = newPlace({ engine });
      const one = await locks.acquire('mirror', { mode: 'shared' });
      const two = await locks.acquire('mirror', { mode: 'shared' });
      const first = one.upgrade();

      await expect(one.upgrade()).rejects.toThrow(
        `This lock is being upgraded already: await that upgrade (lock ${one.path} for mirror).`,
      );

      await two.release();
      await first;
      expect(one.mode).toBe('exclusive');
      await one.release();
    },
  );

  it('that would be degraded is refused when strict, and the lock stays shared [X11]', async () => {
    const { locks } = newPlace({ strict: true });
    const lock = await locks.acquire('mirror', { mode: 'shared' });
    writeFileSync(lock.path, '{"roles":[]}'); // somebody else's from now on, so that no record may be written
    const told: string[] = [];
    onTestFinished(onLockEvent('degraded', ({ degradation }) => told.push(degradation.reason)));

    await expect(lock.upgrade()).rejects.toBeInstanceOf(DegradedError);

    expect(told).toEqual(['foreign-content']);
    expect(lock.mode).toBe('shared');
    expect(lock.degraded).toEqual([]);
    expect(locks.inspect('mirror').state).toBe('shared');
    await lock.release();
  });

  it('of a lock that was released is refused', async () => {
    const { locks } = newPlace();
    const lock = await locks.acquire('mirror', { mode: 'shared' });
    await lock.release();

    await expect(lock.upgrade()).rejects.toBeInstanceOf(LostError);
    await expect(lock.downgrade()).rejects.toBeInstanceOf(LostError);
  });
});
