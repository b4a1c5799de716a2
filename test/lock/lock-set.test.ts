import { LockSet, LostError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { heard, lossOf } from '../support/events.ts';
import { newLocks } from '../support/place.ts';

const ten = Array.from({ length: 10 }, (_, n) => `resource ${n}`);

describe('acquireAll', () => {
  it('takes all, in the order of their lock files, whatever the order of the call [R81]', async () => {
    const locks = newLocks();
    const grants = heard('granted');

    for (const names of [ten, [...ten].reverse()]) await (await locks.acquireAll(names)).release();

    const paths = grants.map(({ path }) => path);
    expect(paths.slice(0, 10)).toEqual([...paths.slice(0, 10)].sort());
    expect(paths.slice(10)).toEqual(paths.slice(0, 10));
  });

  it('releases all, in the reverse order', async () => {
    const locks = newLocks();
    const set = await locks.acquireAll(ten);
    const releases = heard('released');

    await set.release();
    await set.release();

    const paths = set.locks.map(({ path }) => path);
    expect(releases.map(({ path }) => path)).toEqual(paths.reverse());
  });

  it('takes a resource that is named twice once, in the stronger mode [R4]', async () => {
    const locks = newLocks();
    const shared = { name: 'mirror', mode: 'shared' } as const;
    const exclusive = { name: 'mirror', mode: 'exclusive' } as const;

    for (const targets of [
      [shared, exclusive],
      [exclusive, shared],
      [shared, 'mirror'],
    ]) {
      const set = await locks.acquireAll(targets, { timeout: 0 });
      expect(set.locks.map(({ mode }) => mode)).toEqual(['exclusive']);
      await set.release();
    }
    const both = await locks.acquireAll([shared, shared], { timeout: 0 });
    expect(both.locks.map(({ mode }) => mode)).toEqual(['shared']);
    await both.release();
  });

  it('gives each its own mode, and the mode of the options where none is said [R4]', async () => {
    const locks = newLocks();
    const modes = async (...call: Parameters<typeof locks.acquireAll>) => {
      await using set = await locks.acquireAll(...call);
      return Object.fromEntries(set.locks.map(({ resource, mode }) => [resource, mode]));
    };

    expect(await modes(['mirror', { name: 'registry', mode: 'shared' }])).toEqual({
      mirror: 'exclusive',
      registry: 'shared',
    });
    expect(await modes(['mirror', { name: 'registry', mode: 'exclusive' }], { mode: 'shared' })).toEqual({
      mirror: 'shared',
      registry: 'exclusive',
    });
  });

  it('is fine with none at all', async () => {
    const set = await newLocks().acquireAll([]);

    set.assertHeld();
    expect(set.signal.aborted).toBe(false);
    await set.release();
  });
});

describe('a set of locks', () => {
  it('aborts its signal and fails its check when one of them is lost [R11]', async () => {
    const locks = newLocks();
    const set = await locks.acquireAll(['mirror', 'registry'], { holdLimit: 20 });
    const reason = await lossOf(set.signal);

    expect(reason).toBeInstanceOf(LostError);
    expect(() => set.assertHeld()).toThrow(LostError);
  });

  it('fails its check once it is released', async () => {
    const set = await newLocks().acquireAll(['mirror', 'registry']);
    expect(set).toBeInstanceOf(LockSet);
    await set.release();

    expect(() => set.assertHeld()).toThrow(expect.objectContaining({ reason: 'released' }));
  });

  it('is released by `using` and `await using` [C4]', async () => {
    const locks = newLocks();
    {
      using set = await locks.acquireAll(['mirror', 'registry']);
      set.assertHeld();
    }
    {
      await using set = await locks.acquireAll(['mirror', 'registry'], { timeout: 0 });
      set.assertHeld();
    }
    expect(locks.query().held).toEqual([]);
  });

  it('is released before `release` returns, all of it [R9]', async () => {
    const locks = newLocks();
    const set = await locks.acquireAll(ten);

    const done = set.release();

    expect(locks.query().held).toEqual([]);
    await done;
  });
});
