import { LostError, UnsupportedError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { StoppedClock } from '../support/clock.ts';
import { heard } from '../support/events.ts';
import { newLocks } from '../support/place.ts';

const isFree = (locks: ReturnType<typeof newLocks>) => locks.inspect('mirror').state === 'free';

describe('a lock', () => {
  it('is released by `using` at the end of its block, also when that throws [C4]', async () => {
    const locks = newLocks();
    const work = async () => {
      using lock = await locks.acquire('mirror');
      lock.assertHeld();
      expect(isFree(locks)).toBe(false);
      throw new Error('disk on fire');
    };

    await expect(work()).rejects.toThrow('disk on fire');

    expect(isFree(locks)).toBe(true);
  });

  it('is released by `await using` at the end of its block [C4]', async () => {
    const locks = newLocks();
    {
      await using lock = await locks.acquire('mirror');
      lock.assertHeld();
      expect(isFree(locks)).toBe(false);
    }
    expect(isFree(locks)).toBe(true);
  });

  it('may be released before its `using` block ends [F9]', async () => {
    const locks = newLocks();
    let successor: Awaited<ReturnType<typeof locks.acquire>>;
    {
      using lock = await locks.acquire('mirror');
      void lock.release();
      successor = await locks.acquire('mirror');
    }
    successor.assertHeld();
    expect(isFree(locks)).toBe(false);
    await successor.release();
  });

  it('is released once, however often it is asked, and never for its successor [F9]', async () => {
    const locks = newLocks();
    const releases = heard('released');
    const lock = await locks.acquire('mirror');
    await lock.release();
    const successor = await locks.acquire('mirror');

    await Promise.all([lock.release(), lock.release()]);
    lock[Symbol.dispose]();
    await lock[Symbol.asyncDispose]();

    successor.assertHeld();
    expect(await locks.tryAcquire('mirror')).toBe(undefined);
    expect(releases).toHaveLength(1);
    await successor.release();
  });

  it('says how long it was held when it is released', async () => {
    const locks = newLocks();
    const releases = heard('released');
    const clock = new StoppedClock();
    const lock = await locks.acquire('mirror');
    clock.advance(1_500);
    await lock.release();

    expect(releases).toMatchObject([{ held: 1_500 }]);
  });

  it('passes its check while it is held, and fails with LostError after', async () => {
    const locks = newLocks();
    const lock = await locks.acquire('mirror');
    lock.assertHeld();
    lock.assertHeld();
    await lock.release();

    expect(() => lock.assertHeld()).toThrow(LostError);
    expect(() => lock.assertHeld()).toThrow(
      'The lock on mirror is not held: it was released before. Acquire it again before the next guarded step.',
    );
    const successor = await locks.acquire('mirror');
    expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ reason: 'released' }));
    await successor.release();
  });

  it('does not abort its signal when it is released as it should be', async () => {
    const locks = newLocks();
    const lost = heard('lost');
    const lock = await locks.acquire('mirror');
    const { signal } = lock;
    await lock.release();

    expect(signal.aborted).toBe(false);
    expect(lock.signal.aborted).toBe(false);
    expect(lost).toEqual([]);
  });

  it('gives one token for all its life, which rises from lock to lock', async () => {
    const locks = newLocks();
    const tokens: number[] = [];
    for (let turn = 0; turn < 10; turn++) {
      await using lock = await locks.acquire('mirror');
      tokens.push(lock.token);
      expect(lock.token).toBe(tokens.at(-1));
    }
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
  });

  it('still tells its token after the release, when it told it before, and fails with LostError else', async () => {
    const locks = newLocks();
    const silent = await locks.acquire('other');
    await silent.release();
    expect(() => silent.token).toThrow(LostError);

    const lock = await locks.acquire('mirror');
    const { token } = lock;
    await lock.release();
    expect(lock.token).toBe(token);
  });

  it('says that a shared lock has no token yet when nobody held it exclusively', async () => {
    const locks = newLocks();
    const reader = await locks.acquire('mirror', { mode: 'shared' });
    expect(() => reader.token).toThrow(UnsupportedError);
    expect(() => reader.token).toThrow('it was never locked exclusively yet');
    await reader.release();

    const writer = await locks.acquire('mirror');
    const { token } = writer;
    await writer.release();
    await using later = await locks.acquire('mirror', { mode: 'shared' });
    expect(later.token).toBe(token);
  });

  it('lets its descriptor be seen only while it is held', async () => {
    const locks = newLocks();
    const lock = await locks.acquire('mirror');
    expect(lock.descriptor).toBeGreaterThan(2);
    await lock.release();

    expect(lock.descriptor).toBe(undefined);
  });

  it('names in its record the process that works under it, and not after its release [G12]', async () => {
    const locks = newLocks();
    const lock = await locks.acquire('mirror', { purpose: 'mirror save' });
    lock.recordChild({ pid: 4711, start: '99' });
    const [holder] = locks.inspect('mirror').holders;
    expect(holder).toMatchObject({
      pid: process.pid,
      purpose: 'mirror save',
      child: { pid: 4711, start: '99' },
    });
    await lock.release();
    const successor = await locks.acquire('mirror');

    lock.recordChild({ pid: 4711 });

    expect(locks.inspect('mirror').holders[0]).not.toHaveProperty('child');
    await successor.release();
  });
});
