import { LockSet, LostError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { heard, lossOf, next } from '../support/events.ts';
import { newLocks, newPlace } from '../support/place.ts';

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

  it('never deadlocks with calls that name the same resources the other way round [R81]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const rounds = 100;
    const there = agent.run(async ({ manager }, rounds) => {
      for (let n = 0; n < rounds; n++) await (await manager.acquireAll(['b', 'a'])).release();
    }, rounds);
    const here = async (names: string[]) => {
      for (let n = 0; n < rounds; n++) await (await locks.acquireAll(names)).release();
    };

    await Promise.all([there, here(['a', 'b']), here(['b', 'a'])]);
  });

  it.each(['a', 'b', 'c'])('holds nothing when %s is not to be had in time [C4]', async (busy) => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire(busy);

    const all = locks.acquireAll(['a', 'b', 'c'], { timeout: 5 });

    await expect(all).rejects.toMatchObject({ code: 'HOLDFAST_TIMEOUT', resource: busy });
    for (const name of ['a', 'b', 'c']) {
      expect([name, await agent.couldAcquire(name)]).toEqual([name, name !== busy]);
    }
    await agent.run(({ locks }) => locks.lock?.assertHeld());
  });

  it('holds nothing when its signal aborts while it waits for one of them [C4]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const names = ['a', 'b', 'c'];
    const last = names.sort((a, b) => (locks.pathOf(a) < locks.pathOf(b) ? -1 : 1))[2] as string;
    await agent.acquire(last);
    const abort = new AbortController();
    const waiting = next('waiting');
    const all = locks.acquireAll(names, { signal: abort.signal });
    all.catch(() => {});
    await waiting;
    expect(await agent.couldAcquire(names[0] as string)).toBe(false);

    const reason = new Error('given up');
    abort.abort(reason);

    await expect(all).rejects.toBe(reason);
    expect(await agent.couldAcquire(names[0] as string)).toBe(true);
    expect(await agent.couldAcquire(names[1] as string)).toBe(true);
  });

  it('spends one timeout on the whole, not one on each [G9]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const [first, second] = ['a', 'b'].sort((a, b) => (locks.pathOf(a) < locks.pathOf(b) ? -1 : 1)) as [
      string,
      string,
    ];
    await agent.acquire(first);
    const requests = heard('requested');
    const waiting = next('waiting');
    const all = locks.acquireAll([second, first], { timeout: 10_000 });
    await waiting;

    await agent.release();
    await (await all).release();

    expect(requests.map(({ resource }) => resource)).toEqual([first, second]);
    expect(requests[1]?.timeout).toBeLessThan(requests[0]?.timeout as number);
  });

  it('fails with TimeoutError when its time is over before it comes to the one that is busy [G14]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const names = ['a', 'b'].sort((a, b) => (locks.pathOf(a) < locks.pathOf(b) ? -1 : 1));
    await agent.acquire(names[1] as string);

    const impatient = locks.acquireAll(names, { timeout: Number.MIN_VALUE });
    await expect(impatient).rejects.toMatchObject({ code: 'HOLDFAST_TIMEOUT', resource: names[1] });
    const tried = locks.acquireAll(names, { timeout: 0 });
    await expect(tried).rejects.toMatchObject({ code: 'HOLDFAST_BUSY', resource: names[1] });
  });

  it('takes a resource that is named twice once, in the stronger mode [A2]', async () => {
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

  it('gives each its own mode, and the mode of the options where none is said [R4, A2]', async () => {
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
