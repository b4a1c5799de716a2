import { EngineMismatchError, LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { engineToAsk } from '../../../src/engine/choice/site.ts';
import { heard, next } from '../../support/events.ts';
import { locksIn, newPlace } from '../../support/place.ts';
import { failWhere, intercept } from '../portable/intercept.ts';

describe('a manager that is told the engine', () => {
  it('gives claims, or leases, and does not call them degraded, for they were asked for [F1]', async () => {
    const { locks } = newPlace({ engine: 'portable', strict: true });
    const degraded = heard('degraded');
    const granted = heard('granted');

    await locks.with('mirror', (lock) => expect([lock.contract, lock.degraded]).toEqual(['claim', []]));
    await locks.with('mirror', { layout: 'directory' }, (lock) => expect(lock.contract).toBe('claim'));
    await locks.with('mirror', { lease: 60_000 }, (lock) => expect(lock.contract).toBe('lease'));

    expect(granted.map(({ contract }) => contract)).toEqual(['claim', 'claim', 'lease']);
    expect(degraded).toEqual([]);
  });

  it('refuses a lease where a claim is required, naming both [F1]', async () => {
    const { locks } = newPlace({ engine: 'portable', lease: 60_000, require: 'claim' });

    await expect(locks.acquire('mirror')).rejects.toMatchObject({
      code: 'HOLDFAST_CONTRACT',
      required: 'claim',
      available: 'lease',
      message: expect.stringContaining("require: 'lease'"),
    });
  });

  it('lists its locks, shared ones and free ones too, with what they are worth [F1]', async () => {
    const { locks } = newPlace({ engine: 'portable' });
    await locks.with('free', () => {});
    const shared = await locks.acquire('shared', { mode: 'shared' });
    const leased = await locks.acquire('leased', { lease: 60_000 });
    const together = await locks.acquire('leased together', { lease: 60_000, mode: 'shared' });

    expect(locks.list().map(({ resource, state, contract }) => [resource, state, contract])).toEqual([
      ['free', 'free', 'claim'],
      ['leased together', 'shared', 'lease'],
      ['leased', 'exclusive', 'lease'],
      ['shared', 'shared', 'claim'],
    ]);
    await Promise.all([shared.release(), leased.release(), together.release()]);
  });

  it('is asked with the same engine about a lock that is shared in the instant of the look [F1, R4]', async () => {
    const { locks } = newPlace({ engine: 'portable' });
    const lock = await locks.acquire('mirror');
    let isShared = false;
    intercept('openSync', (original) => (path, ...rest) => {
      if (path === lock.path && !isShared) {
        isShared = true;
        lock.downgrade();
      }
      return original(path, ...rest);
    });

    expect(engineToAsk(lock.path)).toBe('portable');
    expect(isShared).toBe(true);
    await lock.release();
  });

  it.each([
    ['openSync', 'EMFILE', 'HOLDFAST_EXHAUSTED'],
    ['openSync', 'EIO', 'HOLDFAST_UNWRITABLE'],
    ['readSync', 'EIO', 'HOLDFAST_UNWRITABLE'],
  ] as const)(
    'is not asked with the kernel engine, to which it is free, after %s with %s [F1, H23]',
    async (name, code, told) => {
      const { locks } = newPlace({ engine: 'portable' });
      const lock = await locks.acquire('mirror');
      let isFirst = true;
      failWhere(name, code, (of) => {
        const isIt = isFirst && (name === 'readSync' || of === lock.path);
        isFirst &&= !isIt;
        return isIt;
      });

      expect(() => locks.inspect('mirror')).toThrow(expect.objectContaining({ code: told }));
      expect(locks.inspect('mirror').state).toBe('exclusive');
      await lock.release();
    },
  );

  it('goes to the fallback directory like any other where its own cannot be made [C5]', async () => {
    const { home } = newPlace();
    const locks = new LockManager({
      directory: '/proc/no/locks',
      fallbackDirectory: home,
      engine: 'portable',
    });

    const lock = await locks.acquire('mirror');

    expect(lock.path.startsWith(home)).toBe(true);
    expect([lock.contract, lock.degraded.map(({ reason }) => reason)]).toEqual([
      'claim',
      ['fallback-directory'],
    ]);
    await lock.release();
  });

  it('does not hand a lock on within the process to a request on other terms [F1]', async () => {
    const { locks } = newPlace();
    const first = await locks.acquire('mirror', { engine: 'kernel' });
    const waiting = next('waiting');
    const second = locks.acquire('mirror', { engine: 'portable' });
    await waiting;

    await first.release();

    await expect(second).rejects.toThrow(EngineMismatchError);
  });
});

it('a manager that is made without saying anything takes the kernel, and its contract [F1]', async () => {
  const { home } = newPlace();
  await locksIn(home).with('mirror', (lock) => {
    expect([lock.contract, lock.degraded]).toEqual(['kernel', []]);
  });
});
