import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { StoppedClock } from '../support/clock.ts';
import { heard, next } from '../support/events.ts';
import { newPlace } from '../support/place.ts';

describe('acquireAll', () => {
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

  it.each(['a', 'b', 'c'])('holds nothing when %s is not granted in time', async (busy) => {
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

  it('holds nothing when its signal aborts while it waits for one of them', async () => {
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

  it('spends one timeout on the whole, not one on each [F8]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const [first, second] = ['a', 'b'].sort((a, b) => (locks.pathOf(a) < locks.pathOf(b) ? -1 : 1)) as [
      string,
      string,
    ];
    await agent.acquire(first);
    const requests = heard('requested');
    const waiting = next('waiting');
    const clock = new StoppedClock();
    const all = locks.acquireAll([second, first], { timeout: 120_000 });
    await waiting;

    clock.advance(4_000);
    await agent.release();
    await (await all).release();

    expect(requests.map(({ resource }) => resource)).toEqual([first, second]);
    expect(requests.map(({ timeout }) => timeout)).toEqual([120_000, 116_000]);
  });

  it('fails with TimeoutError when its time is over before it comes to the one that is busy [F8]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const names = ['a', 'b'].sort((a, b) => (locks.pathOf(a) < locks.pathOf(b) ? -1 : 1));
    await agent.acquire(names[1] as string);

    const impatient = locks.acquireAll(names, { timeout: Number.MIN_VALUE });
    await expect(impatient).rejects.toMatchObject({ code: 'HOLDFAST_TIMEOUT', resource: names[1] });
    const tried = locks.acquireAll(names, { timeout: 0 });
    await expect(tried).rejects.toMatchObject({ code: 'HOLDFAST_BUSY', resource: names[1] });
  });
});
