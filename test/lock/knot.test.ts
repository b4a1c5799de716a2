import { rmSync } from 'node:fs';
import { basename } from 'node:path';
import { DeadlockError, type Lock, type LockManager, type ManagerOptions, onLockEvent } from 'holdfast';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { WaitNote } from '../../src/engine/engine.ts';
import { engine } from '../../src/engine/index.ts';
import { self } from '../../src/identity/self.ts';
import { whereaboutsOf } from '../../src/lock/same-lock.ts';
import { newLocks } from '../support/place.ts';
import { isOpenNow } from '../support/turns.ts';

/** When a wait is examined for the first time, what passes until that is confirmed, and until the next time. */
const [FIRST_LOOK, CONFIRM, NEXT_LOOK] = [100, 20, 250];
const FOR_EVER = Number.POSITIVE_INFINITY;
const OLD = '1';
const YOUNG = String(2n ** 62n);

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** The note that the wait of another process leaves beside the lock it holds; the function takes it away again. */
function waits(locks: LockManager, holds: string, wants: string, more: Partial<WaitNote> = {}): () => void {
  const erase = engine.noteWait(locks.pathOf(holds), {
    ...{ id: `999-0-${holds}`, since: OLD, path: locks.pathOf(wants), resource: wants },
    ...{ who: `"job ${holds}" (pid 999)`, holds, ...more },
  });
  onTestFinished(erase);
  return erase;
}

const release = (...held: Lock[]) => Promise.all(held.map((lock) => lock.release())).then(() => {});

/** This owner has a, and waits for b, which others hold, as they do c. */
async function wantsB(options: object = {}, managed: ManagerOptions = {}) {
  const locks = newLocks(managed);
  const [a, b, c] = [await locks.acquire('a'), await locks.acquire('b'), await locks.acquire('c')];
  onTestFinished(() => release(a, b, c));
  const ask = () => {
    const ended = locks.acquire('b', { timeout: FOR_EVER, ...options, holding: [a] });
    const outcome = ended.then(
      (lock) => lock.release().then(() => 'granted'),
      (error: unknown) => error,
    );
    return { outcome, isOpen: () => isOpenNow(outcome) };
  };
  return { locks, b, ask };
}

/** What was found is gone at the second look, but for a new wait in the place of one: found anew, it counts. */
async function isFoundAnew(
  { outcome, isOpen }: ReturnType<Awaited<ReturnType<typeof wantsB>>['ask']>,
  exchange: () => void,
) {
  vi.advanceTimersByTime(FIRST_LOOK);
  exchange();
  vi.advanceTimersByTime(CONFIRM);
  expect(await isOpen()).toBe(true);
  vi.advanceTimersByTime(NEXT_LOOK);
  expect(await isOpen()).toBe(true);
  vi.advanceTimersByTime(CONFIRM);
  expect(await isOpen()).toBe(false);
  expect(await outcome).toBeInstanceOf(DeadlockError);
}

describe('a circle of waits', () => {
  it('is told to the youngest of them at the second look, which finds all of it still there [X57, R81]', async () => {
    const { locks, ask } = await wantsB();
    waits(locks, 'b', 'a');
    const { outcome, isOpen } = ask();

    vi.advanceTimersByTime(FIRST_LOOK);
    expect(await isOpen()).toBe(true);
    vi.advanceTimersByTime(CONFIRM);

    expect(await isOpen()).toBe(false);
    expect(await outcome).toBeInstanceOf(DeadlockError);
  });

  it('is found where another one knows a lock of it by a path of its own, as of a bind mount [X18, R81]', async () => {
    const { locks, ask } = await wantsB();
    waits(locks, 'b', 'a', { path: '/elsewhere/a.lock', place: whereaboutsOf(locks.pathOf('a')) ?? '' });
    const { outcome, isOpen } = ask();

    vi.advanceTimersByTime(FIRST_LOOK);
    vi.advanceTimersByTime(CONFIRM);

    expect(await isOpen()).toBe(false);
    expect(await outcome).toBeInstanceOf(DeadlockError);
  });

  it('is none where a wait is for another lock that has the path of one of it, as in a container [X17]', async () => {
    const { locks, b, ask } = await wantsB();
    waits(locks, 'b', 'a', { place: `1:1/${basename(locks.pathOf('a'))}` });
    const { outcome, isOpen } = ask();

    vi.advanceTimersByTime(FIRST_LOOK);
    vi.advanceTimersByTime(CONFIRM);

    expect(await isOpen()).toBe(true);
    await release(b);
    expect(await outcome).toBe('granted');
  });

  it('is found where the other one has the same process id, in a container of its own [X18, R81]', async () => {
    const { locks, ask } = await wantsB();
    const requests: number[] = [];
    onTestFinished(onLockEvent('requested', ({ id }) => void requests.push(id)));
    const { outcome, isOpen } = ask();
    waits(locks, 'b', 'a', { id: `${process.pid}-0-${requests[0]}` });

    vi.advanceTimersByTime(FIRST_LOOK);
    vi.advanceTimersByTime(CONFIRM);

    expect(await isOpen()).toBe(false);
    expect(await outcome).toBeInstanceOf(DeadlockError);
  });

  it('is none when a wait of it ended between the two looks [X57]', async () => {
    const { locks, b, ask } = await wantsB();
    const end = waits(locks, 'b', 'a');
    const { outcome, isOpen } = ask();

    vi.advanceTimersByTime(FIRST_LOOK);
    end();
    vi.advanceTimersByTime(CONFIRM);
    vi.advanceTimersByTime(4 * NEXT_LOOK);

    expect(await isOpen()).toBe(true);
    await release(b);
    expect(await outcome).toBe('granted');
  });

  it.each(['b', 'c'])('is none when, of two others, the one that holds %s ended [X57]', async (ended) => {
    const { locks, b, ask } = await wantsB();
    const ends = { b: waits(locks, 'b', 'c'), c: waits(locks, 'c', 'a') };
    const { outcome, isOpen } = ask();

    vi.advanceTimersByTime(FIRST_LOOK);
    ends[ended as 'b' | 'c']();
    vi.advanceTimersByTime(CONFIRM);

    expect(await isOpen()).toBe(true);
    await release(b);
    expect(await outcome).toBe('granted');
  });

  it('that came undone and is closed again by a new wait is found anew [X57, R81]', async () => {
    const { locks, ask } = await wantsB();
    const end = waits(locks, 'b', 'a');
    const { outcome, isOpen } = ask();

    vi.advanceTimersByTime(FIRST_LOOK);
    end();
    waits(locks, 'b', 'a', { since: '2' });
    vi.advanceTimersByTime(CONFIRM);
    expect(await isOpen()).toBe(true);
    vi.advanceTimersByTime(NEXT_LOOK);
    expect(await isOpen()).toBe(true);
    vi.advanceTimersByTime(CONFIRM);

    expect(await isOpen()).toBe(false);
    expect(await outcome).toBeInstanceOf(DeadlockError);
  });

  it.each(['b', 'c'])(
    'is found anew when, of two others, the one that holds %s waits again since the first look [X57]',
    async (ended) => {
      const { locks, ask } = await wantsB();
      const begin = {
        b: (more: Partial<WaitNote> = {}) => waits(locks, 'b', 'c', more),
        c: (more: Partial<WaitNote> = {}) => waits(locks, 'c', 'a', more),
      };
      const ends = { b: begin.b(), c: begin.c() };

      await isFoundAnew(ask(), () => {
        ends[ended as 'b' | 'c']();
        begin[ended as 'b' | 'c']({ since: '2' });
      });
    },
  );

  it('is left to the youngest: who is younger than one of two others, and older than one, goes on [X57]', async () => {
    const { locks, b, ask } = await wantsB();
    waits(locks, 'b', 'c');
    waits(locks, 'c', 'a', { since: YOUNG });
    const { outcome, isOpen } = ask();

    for (let look = 0; look < 4; look++) {
      vi.advanceTimersByTime(FIRST_LOOK + CONFIRM);
      vi.advanceTimersByTime(NEXT_LOOK);
    }

    expect(await isOpen()).toBe(true);
    await release(b);
    expect(await outcome).toBe('granted');
  });
});

describe('a second look at a circle', () => {
  const { pid, thread, pidNamespace, boot } = self();
  const holder = { pid, thread, pidNamespace, boot };
  const engines = ['kernel', 'portable'] as const;

  /** `between`: what happens between the two looks. */
  async function findsNone({ b, ask }: Awaited<ReturnType<typeof wantsB>>, between = () => {}) {
    const { outcome, isOpen } = ask();
    vi.advanceTimersByTime(FIRST_LOOK);
    between();
    vi.advanceTimersByTime(CONFIRM);
    expect(await isOpen()).toBe(true);
    await release(b);
    expect(await outcome).toBe('granted');
  }

  it.each(
    engines.flatMap((name) => [
      [name, 'process', { pid: 999 }] as const,
      [name, 'thread', { thread: 9 }] as const,
    ]),
  )(
    'by the %s engine finds none where the waiter lost its lock to another %s, and did not take its note away [X57]',
    async (name, _what, other) => {
      const asked = await wantsB({}, { engine: name });
      waits(asked.locks, 'b', 'a', { holder: { ...holder, ...other } });
      await findsNone(asked);
    },
  );

  it.each(engines)('by the %s engine finds none where nobody holds a lock of it [X57]', async (name) => {
    const asked = await wantsB({}, { engine: name });
    waits(asked.locks, 'b', 'd', { holder });
    waits(asked.locks, 'd', 'a', { holder });
    await findsNone(asked);
  });

  it.each(engines)('by the %s engine finds none where the searcher lost its own lock [X57]', async (name) => {
    const asked = await wantsB({}, { engine: name });
    waits(asked.locks, 'b', 'a', { holder });
    await findsNone(asked, () => rmSync(asked.locks.pathOf('a'), { recursive: true }));
  });

  it.each(engines.flatMap((name) => ['full', 'anonymous'].map((record) => [name, record] as const)))(
    'by the %s engine finds one where the waiter still is the holder, as its %s record tells or may hide [X57, R81]',
    async (name, record) => {
      const { locks, ask } = await wantsB({}, { engine: name, record: record as 'full' | 'anonymous' });
      waits(locks, 'b', 'a', { holder });
      const { outcome, isOpen } = ask();

      vi.advanceTimersByTime(FIRST_LOOK);
      vi.advanceTimersByTime(CONFIRM);

      expect(await isOpen()).toBe(false);
      expect(await outcome).toBeInstanceOf(DeadlockError);
    },
  );
});

describe('a knot of waits for permits', () => {
  const holders = ['one', 'two'] as const;
  const holder = (hold: string) => ({ id: `999-0-${hold}`, hold });

  it('counts while every holder of a permit waits for what the waiter holds [X57, R81]', async () => {
    const { locks, ask } = await wantsB({ permits: 2 });
    for (const hold of holders) waits(locks, 'b', 'a', holder(hold));
    const { outcome, isOpen } = ask();

    vi.advanceTimersByTime(FIRST_LOOK);
    expect(await isOpen()).toBe(true);
    vi.advanceTimersByTime(CONFIRM);

    expect(await isOpen()).toBe(false);
    expect(await outcome).toBeInstanceOf(DeadlockError);
  });

  it.each(holders)(
    'is none when holder %s, of two, waits no longer at the second look [X57]',
    async (ended) => {
      const { locks, b, ask } = await wantsB({ permits: 2 });
      const [one, two] = holders.map((hold) => waits(locks, 'b', 'a', holder(hold)));
      const { outcome, isOpen } = ask();

      vi.advanceTimersByTime(FIRST_LOOK);
      (ended === 'one' ? one : two)?.();
      vi.advanceTimersByTime(CONFIRM);

      expect(await isOpen()).toBe(true);
      await release(b);
      expect(await outcome).toBe('granted');
    },
  );

  it.each(holders)(
    'is found anew when holder %s, of two, waits again since the first look [X57]',
    async (ended) => {
      const { locks, ask } = await wantsB({ permits: 2 });
      const begin = (hold: string, since = OLD) => waits(locks, 'b', 'a', { ...holder(hold), since });
      const ends = { one: begin('one'), two: begin('two') };
      const { outcome, isOpen } = ask();

      vi.advanceTimersByTime(FIRST_LOOK);
      ends[ended]();
      begin(ended, '2');
      vi.advanceTimersByTime(CONFIRM);
      expect(await isOpen()).toBe(true);
      vi.advanceTimersByTime(NEXT_LOOK);
      expect(await isOpen()).toBe(true);
      vi.advanceTimersByTime(CONFIRM);

      expect(await isOpen()).toBe(false);
      expect(await outcome).toBeInstanceOf(DeadlockError);
    },
  );
});

describe('the note of a wait', () => {
  const LIMIT = FIRST_LOOK + NEXT_LOOK / 2;
  const noted = (locks: LockManager) => engine.waitsOf(locks.pathOf('a')).map(({ resource }) => resource);

  it('is gone when the wait was granted, and no further look is taken [X57]', async () => {
    const { locks, b, ask } = await wantsB();
    const { outcome } = ask();
    vi.advanceTimersByTime(FIRST_LOOK);
    expect(noted(locks)).toEqual(['b']);

    await release(b);

    expect(await outcome).toBe('granted');
    expect(noted(locks)).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(
    (['kernel', 'portable'] as const).flatMap((name) => [
      [name, 'released', {}] as const,
      [name, 'lost to its hold limit', { holdLimit: LIMIT }] as const,
    ]),
  )(
    'by the %s engine is gone before the lock beside it is %s, while the wait goes on [X57]',
    async (name, how, limit) => {
      const locks = newLocks({ engine: name });
      const b = await locks.acquire('b');
      const a = await locks.acquire('a', limit);
      const end = new AbortController();
      const wait = locks.acquire('b', { timeout: FOR_EVER, signal: end.signal, holding: [a] });
      vi.advanceTimersByTime(FIRST_LOOK);
      expect(noted(locks)).toEqual(['b']);
      const seen: unknown[] = [];
      onTestFinished(
        onLockEvent(how === 'released' ? 'released' : 'lost', ({ resource }) => {
          if (resource === 'a') seen.push(locks.inspect('a').state, noted(locks));
        }),
      );

      if (how === 'released') await a.release();
      else vi.advanceTimersByTime(LIMIT - FIRST_LOOK); // between two looks

      expect(seen).toEqual(['exclusive', []]);
      expect(locks.inspect('a').state).toBe('free');
      end.abort();
      await expect(wait).rejects.toMatchObject({ name: 'AbortError' });
      await release(a, b);
    },
  );

  it('is gone when an upgrade inside of what is held is over [X57]', async () => {
    const locks = newLocks({ timeout: FOR_EVER });
    await locks.with('a', async () => {
      const [own, other] = [
        await locks.acquire('c', { mode: 'shared' }),
        await locks.acquire('c', { mode: 'shared' }),
      ];
      const abort = new AbortController();
      const upgrade = own.upgrade({ signal: abort.signal });
      vi.advanceTimersByTime(FIRST_LOOK);
      expect(noted(locks)).toEqual(['c']);

      abort.abort(new Error('never mind'));

      await expect(upgrade).rejects.toThrow('never mind');
      expect(noted(locks)).toEqual([]);
      await Promise.all([own.release(), other.release()]);
    });
  });
});
