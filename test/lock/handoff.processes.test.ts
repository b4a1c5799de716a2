import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { newPlace } from '../support/place.ts';

describe('a lock that goes to the next waiter of the same thread', () => {
  it('has a greater token for each, also when nobody asked in between, and for the next process', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const tokens: number[] = [];
    const all = Array.from({ length: 100 }, async (_, n) => {
      await using lock = await locks.acquire('mirror', { timeout: 120_000 });
      if (n % 3 === 0) tokens.push(lock.token);
    });
    await Promise.all(all);
    await agent.acquire('mirror');
    tokens.push(await agent.run(({ locks }) => locks.lock?.token ?? 0));
    await agent.release();
    await using last = await locks.acquire('mirror');
    tokens.push(last.token);

    expect(tokens).toHaveLength(36);
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
  });

  it('keeps rising tokens when its holder is killed after many turns, and is then recovered [R10, R45]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const shown = await agent.run(async ({ manager, locks }) => {
      const waits = Array.from({ length: 50 }, () => manager.acquire('mirror', { timeout: 120_000 }));
      for (const wait of waits.slice(0, -1)) await (await wait).release();
      locks.lock = (await waits.at(-1)) as NonNullable<typeof locks.lock>;
      return locks.lock.token;
    });
    await agent.kill();

    await using lock = await locks.acquire('mirror');

    expect(lock.recovered).toBe(true);
    expect(lock.token).toBeGreaterThan(shown);
  });

  it('is recovered for nobody, but for the first that got it from a dead holder [R45]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror');
    const waits = [1, 2, 3].map(() => locks.acquire('mirror', { timeout: 120_000 }));
    await agent.kill();

    const recovered: boolean[] = [];
    for (const wait of waits) {
      await using lock = await wait;
      recovered.push(lock.recovered);
    }

    expect(recovered).toEqual([true, false, false]);
  });

  it('does not go round in one process for ever while another one waits [R7]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const order: string[] = [];
    const first = await locks.acquire('mirror');
    const patient = { timeout: 60_000, pollInterval: 60_000 }; // so that nobody passes the one who is slow to run
    await agent.wait('mirror', patient);
    const all = Array.from({ length: 200 }, async () => {
      await using lock = await locks.acquire('mirror', patient);
      lock.assertHeld();
      order.push('here');
    });
    const there = agent.granted().then(() => {
      order.push('there');
      return agent.release();
    });

    await first.release();
    await Promise.all([...all, there]);

    expect(order.indexOf('there')).toBe(32);
  });

  it('is the lock for other processes all the time [C1, C2]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const first = await locks.acquire('mirror');
    const waits = [1, 2, 3].map(() => locks.acquire('mirror', { timeout: 120_000 }));
    let held = first;

    for (const wait of waits) {
      expect(await agent.couldAcquire('mirror', { mode: 'shared' })).toBe(false);
      await held.release();
      held = await wait;
    }
    expect(await agent.couldAcquire('mirror')).toBe(false);
    await held.release();

    expect(await agent.couldAcquire('mirror')).toBe(true);
  });
});
