import { DeadlockError, LostError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { newPlace } from '../support/place.ts';

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

  it('of a lock that was released is refused', async () => {
    const { locks } = newPlace();
    const lock = await locks.acquire('mirror', { mode: 'shared' });
    await lock.release();

    await expect(lock.upgrade()).rejects.toBeInstanceOf(LostError);
    await expect(lock.downgrade()).rejects.toBeInstanceOf(LostError);
  });
});
