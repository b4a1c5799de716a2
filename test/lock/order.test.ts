import { describe, expect, it } from 'vitest';
import { heard } from '../support/events.ts';
import { newLocks, newPlace } from '../support/place.ts';
import { staysOpen } from '../support/turns.ts';

const MANY = 200;

describe('the requests of one thread for one lock', () => {
  it('are granted in the order of their calls, 200 of them [C1, R7]', async () => {
    const locks = newLocks();
    const first = await locks.acquire('mirror');
    const order: number[] = [];
    const all = Array.from({ length: MANY }, (_, n) =>
      locks.acquire('mirror', { timeout: 120_000 }).then((lock) => {
        order.push(n);
        return lock.release();
      }),
    );
    expect(locks.query().pending).toHaveLength(MANY);

    await first.release();
    await Promise.all(all);

    expect(order).toEqual(Array.from({ length: MANY }, (_, n) => n));
  });

  it('keep their order when some in the middle give up or run out of time [C1, R7]', async () => {
    const locks = newLocks();
    const first = await locks.acquire('mirror');
    const order: number[] = [];
    const abort = new AbortController();
    const optionsOf = (n: number) => {
      if (n % 10 === 5) return { signal: abort.signal };
      return n % 10 === 7 ? { timeout: 1 } : { timeout: 120_000 };
    };
    const all = Array.from({ length: MANY }, (_, n) =>
      locks.acquire('mirror', optionsOf(n)).then((lock) => {
        order.push(n);
        return lock.release();
      }),
    );
    const hasty = all.filter((_, n) => n % 10 === 7);
    expect((await Promise.allSettled(hasty)).every(({ status }) => status === 'rejected')).toBe(true);
    abort.abort(new Error('given up'));
    expect(locks.query().pending.map(({ position }) => position)).toEqual(
      Array.from({ length: MANY * 0.8 }, (_, n) => n + 1),
    );

    await first.release();
    await Promise.allSettled(all);

    const patient = Array.from({ length: MANY }, (_, n) => n).filter((n) => ![5, 7].includes(n % 10));
    expect(order).toEqual(patient);
  });

  it('go together while they read, and in turn with those who write [R4]', async () => {
    const locks = newLocks();
    const first = await locks.acquire('mirror');
    const modes = ['shared', 'shared', 'exclusive', 'shared', 'shared', 'exclusive'] as const;
    const waits = modes.map((mode) => locks.acquire('mirror', { mode, timeout: 120_000 }));
    const grants = heard('granted');
    const granted = () => grants.map(({ mode }) => mode);
    const held = (at: number) => waits[at] as (typeof waits)[number];

    await first.release();
    const [a, b] = [await held(0), await held(1)];
    expect(await staysOpen(held(2))).toBe(true);
    expect(granted()).toEqual(['shared', 'shared']);

    await a.release();
    expect(await staysOpen(held(2))).toBe(true);
    await b.release();
    const writer = await held(2);
    expect(await staysOpen(held(3))).toBe(true);

    await writer.release();
    const [c, d] = [await held(3), await held(4)];
    expect(await staysOpen(held(5))).toBe(true);
    await Promise.all([c.release(), d.release()]);
    await (await held(5)).release();
    expect(granted()).toEqual(modes);
  });

  it('do not let a reader pass a writer that waits already [R7]', async () => {
    const locks = newLocks();
    const reader = await locks.acquire('mirror', { mode: 'shared' });
    const writer = locks.acquire('mirror');
    const late = locks.acquire('mirror', { mode: 'shared' });
    expect(await staysOpen(late)).toBe(true);

    await reader.release();
    const lock = await writer;
    expect(await staysOpen(late)).toBe(true);
    await lock.release();
    await (await late).release();
  });

  it('of different locks do not wait for each other', async () => {
    const locks = newLocks();
    const lock = await locks.acquire('mirror');

    await (await locks.acquire('registry')).release();

    await lock.release();
  });

  it('are the same line for two managers of one directory [C1]', async () => {
    const { locks, home } = newPlace();
    const other = newLocks({ directory: `${home}/locks` });
    const lock = await locks.acquire('mirror');
    const second = other.acquire('mirror');
    const third = locks.acquire('mirror');
    expect(locks.query().pending).toMatchObject([{ position: 1 }, { position: 2 }]);

    await lock.release();
    const next = await second;
    expect(await staysOpen(third)).toBe(true);
    await next.release();
    await (await third).release();
  });
});
