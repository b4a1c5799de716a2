import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { newPlace } from '../support/place.ts';

describe('the requests of one thread for one lock', () => {
  it('keep their order against another process that holds the lock in between [C1]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror');
    const order: number[] = [];
    const all = Array.from({ length: 20 }, (_, n) =>
      locks.acquire('mirror', { timeout: 120_000 }).then((lock) => {
        order.push(n);
        return lock.release();
      }),
    );

    await agent.release();
    await Promise.all(all);

    expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });
});
