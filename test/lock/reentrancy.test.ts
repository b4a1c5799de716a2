import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type AcquireOptions, DeadlockError, type Lock } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { gate } from '../support/deadline.ts';
import { heard, next } from '../support/events.ts';
import { locksIn, newLocks, newPlace } from '../support/place.ts';
import { passTime } from '../support/time.mjs';
import { LONG, staysOpen } from '../support/turns.ts';

const again = { reentrant: true } as const;

describe('a lock asked for by code that holds it already', () => {
  it('is refused at once with DeadlockError, however it is asked for [R81]', async () => {
    const locks = newLocks();

    await locks.with('mirror', async () => {
      const forever = { timeout: Number.POSITIVE_INFINITY };
      await expect(locks.acquire('mirror', forever)).rejects.toBeInstanceOf(DeadlockError);
      await expect(locks.tryAcquire('mirror')).rejects.toBeInstanceOf(DeadlockError);
      await expect(locks.with('mirror', forever, () => {})).rejects.toBeInstanceOf(DeadlockError);
      await expect(locks.acquireAll(['other', 'mirror'], forever)).rejects.toBeInstanceOf(DeadlockError);
      expect(() => locks.acquireSync('mirror', { timeout: 120_000 })).toThrow(DeadlockError);
      expect(await locks.tryAcquire('other').then((lock) => lock?.release())).toBe(undefined);
    });

    expect(locks.query().held).toEqual([]);
  });

  it('is not made shared by one of two who have it, for the other counts on it to be exclusive [R4]', async () => {
    const locks = newLocks();

    await locks.with('mirror', async (outer) => {
      const inner = await locks.acquire('mirror', again);
      for (const lock of [outer, inner]) {
        await expect(lock.downgrade()).rejects.toMatchObject({ code: 'HOLDFAST_UNSUPPORTED' });
      }
      expect([outer.mode, locks.inspect('mirror').state]).toEqual(['exclusive', 'exclusive']);

      await inner.release();
      await outer.downgrade();

      expect([outer.mode, locks.inspect('mirror').state]).toEqual(['shared', 'shared']);
    });
  });

  it('is refused with a message that says who holds it and what to do [R82]', async () => {
    const locks = newLocks();

    const error = await locks.with('mirror', () => locks.acquire('mirror').catch((error) => error));

    expect(error).toMatchObject({
      code: 'HOLDFAST_DEADLOCK',
      resource: 'mirror',
      cycle: ['this very code already holds it (exclusive, from an enclosing with)'],
      message:
        'Waiting for mirror would never end: this very code already holds it (exclusive, from an enclosing with). ' +
        `Pass reentrant: true to take it again, or use the enclosing lock. Lock: ${locks.pathOf('mirror')}`,
    });
  });

  it('is refused deep inside too, through other locks, timers and promises [R81]', async () => {
    const locks = newLocks();

    await locks.with('mirror', () =>
      locks.with('registry', async () => {
        await new Promise((resolve) => setTimeout(resolve));
        await Promise.resolve();
        await expect(locks.acquire('mirror')).rejects.toBeInstanceOf(DeadlockError);
      }),
    );
  });

  it('is refused also in shared mode, where a writer that waits between the two would stop both [R81]', async () => {
    const locks = newLocks();

    await locks.with('mirror', { mode: 'shared' }, async () => {
      await expect(locks.acquire('mirror', { mode: 'shared' })).rejects.toBeInstanceOf(DeadlockError);
    });
  });

  it('is given again with `reentrant`, and held until the last of its users released', async () => {
    const locks = newLocks();
    const [grants, releases] = [heard('granted'), heard('released')];
    let kept: Lock | undefined;

    await locks.with('mirror', async (outer) => {
      const inner = await locks.acquire('mirror', again);
      expect(inner.token).toBe(outer.token);
      await inner.release();
      await inner.release();
      outer.assertHeld();
      expect(() => inner.assertHeld()).toThrow(expect.objectContaining({ reason: 'released' }));
      kept = await locks.tryAcquire('mirror', again);
      expect(locks.acquireSync('mirror', again).release()).toBeInstanceOf(Promise);
      await locks.with('mirror', again, () => outer.assertHeld());
    });

    kept?.assertHeld();
    expect(locks.inspect('mirror').state).toBe('exclusive');
    expect([grants.length, releases.length]).toEqual([1, 0]);
    await kept?.release();
    expect(locks.inspect('mirror').state).toBe('free');
    expect(releases).toHaveLength(1);
  });

  it('is given again for reading to who writes, and is the exclusive lock then', async () => {
    const locks = newLocks();

    await locks.with('mirror', async () => {
      const inner = await locks.acquire('mirror', { ...again, mode: 'shared' });
      expect(inner.mode).toBe('exclusive');
      await inner.release();
    });
  });

  it('is refused for writing to who reads, also with `reentrant` [R81]', async () => {
    const locks = newLocks();

    await locks.with('mirror', { mode: 'shared' }, async (outer) => {
      const inner = locks.acquire('mirror', again);
      await expect(inner).rejects.toBeInstanceOf(DeadlockError);
      await expect(inner).rejects.toThrow('Take it exclusive from the start, or release it first');
      outer.assertHeld();
    });
  });

  it.each([
    ['another engine', {}, { engine: 'portable' }, { code: 'HOLDFAST_MISMATCH', found: 'kernel' }],
    ['another engine', { engine: 'portable' }, { engine: 'kernel' }, { code: 'HOLDFAST_MISMATCH' }],
    [
      'a stronger contract',
      { engine: 'portable' },
      { require: 'kernel' },
      { code: 'HOLDFAST_CONTRACT', required: 'kernel', available: 'claim' },
    ],
    ['a lock that is no lease', { engine: 'portable', lease: 60_000 }, {}, { code: 'HOLDFAST_CONTRACT' }],
    ['other permits', { permits: 2 }, { permits: 3 }, { code: 'HOLDFAST_PERMITS', agreed: 2 }],
    ['permits', { mode: 'shared' }, { permits: 2 }, { code: 'HOLDFAST_PERMITS', agreed: 0 }],
    ['plain sharing', { permits: 2 }, { mode: 'shared' }, { code: 'HOLDFAST_PERMITS', agreed: 2 }],
    ['a limit', {}, { holdLimit: 50 }, { code: 'HOLDFAST_INPUT', input: 'holdLimit' }],
    ['a shorter limit', { holdLimit: 60_000 }, { holdLimit: 50 }, { input: 'holdLimit' }],
    [
      'a limit where the other one is endless',
      { holdLimit: Number.POSITIVE_INFINITY },
      { holdLimit: 50 },
      { message: expect.stringContaining('the enclosing with holds it with no limit; set the limit there') },
    ],
  ] as const satisfies readonly [string, AcquireOptions, AcquireOptions, object][])(
    'is refused also with `reentrant` to who asks for %s: %j, then %j [F1]',
    async (_what, outer, inner, error) => {
      const locks = newLocks();

      await locks.with('mirror', outer, async (lock) => {
        await expect(locks.acquire('mirror', { ...again, ...inner })).rejects.toMatchObject(error);
        lock.assertHeld();
      });

      expect(locks.inspect('mirror').state).toBe('free');
    },
  );

  it.each([
    [
      { engine: 'kernel', require: 'kernel' },
      { engine: 'kernel', require: 'claim' },
    ],
    [{ engine: 'portable' }, { engine: 'portable', layout: 'directory', lease: 1_000 }],
    [{ permits: 2 }, { permits: 2 }],
    [{}, { permits: 2 }],
    [{ holdLimit: 60_000 }, { holdLimit: 60_000 }],
  ] as const satisfies readonly [AcquireOptions, AcquireOptions][])(
    'is given again with `reentrant` to who asks for no more than there is: %j, then %j',
    async (outer, inner) => {
      const locks = newLocks();

      await locks.with('mirror', outer, async () => {
        await (await locks.acquire('mirror', { ...again, ...inner })).release();
      });
    },
  );

  it('is refused with `reentrant` to a strict manager where it is degraded, and says so to the others', async () => {
    const { home, locks } = newPlace();
    const path = locks.pathOf('mirror');
    mkdirSync(dirname(path));
    writeFileSync(path, 'my notes');
    const strict = locksIn(home, { strict: true });

    await locks.with('mirror', async () => {
      const refused = strict.acquire('mirror', again);
      await expect(refused).rejects.toMatchObject({ code: 'HOLDFAST_DEGRADED' });
      const inner = await locks.acquire('mirror', again);
      expect(inner.degraded).toMatchObject([{ reason: 'foreign-content' }]);
      await inner.release();
    });
  });

  it('is known by whichever way leads to the same file', async () => {
    const { home, locks } = newPlace();

    await locks.with({ file: `${home}/roles.json` }, async () => {
      const alias = { file: `${home}/../${basename(home)}/./roles.json` };
      await expect(locks.acquire(alias)).rejects.toBeInstanceOf(DeadlockError);
    });
  });
});

describe('a lock asked for by other code of the same process', () => {
  it('is waited for, not called a deadlock, by siblings in one Promise.all [C1]', async () => {
    const locks = newLocks();
    const order: number[] = [];

    await Promise.all(
      [1, 2, 3].map((n) =>
        locks.with('mirror', async () => {
          order.push(n);
          await passTime(LONG); // in which none of the others comes in
          order.push(n);
        }),
      ),
    );

    expect(order).toEqual([1, 1, 2, 2, 3, 3]);
  });

  it('is waited for, not called a deadlock, after a plain acquire of the same function', async () => {
    const locks = newLocks();
    const lock = await locks.acquire('mirror');
    const second = locks.acquire('mirror');
    expect(await staysOpen(second)).toBe(true);

    await lock.release();
    await (await second).release();
  });

  it('is waited for by siblings inside a `with` on something else', async () => {
    const locks = newLocks();

    await locks.with('registry', async () => {
      const lock = await locks.acquire('mirror');
      const sibling = locks.with('mirror', () => 'done');
      expect(await staysOpen(sibling)).toBe(true);
      await lock.release();
      expect(await sibling).toBe('done');
    });
  });

  it('is waited for by work that outlives the body it was started in', async () => {
    const locks = newLocks();
    const { opened, open: start } = gate();
    const late = locks.with('mirror', () => ({ work: opened.then(() => locks.acquire('mirror')) }));
    const { work } = await late;

    const lock = await locks.acquire('mirror');
    const waiting = next('waiting');
    start();
    await waiting;
    await lock.release();

    await (await work).release();
  });
});
