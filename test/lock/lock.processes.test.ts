import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { type newLocks, newPlace } from '../support/place.ts';

const isFree = (locks: ReturnType<typeof newLocks>) => locks.inspect('mirror').state === 'free';

describe('a lock', () => {
  it('is released before `release` returns, and the promise is for those who like to await [R9]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const lock = await locks.acquire('mirror');

    const done = lock.release();

    expect(isFree(locks)).toBe(true);
    expect(done).toBeInstanceOf(Promise);
    await expect(done).resolves.toBe(undefined);
    expect(await agent.couldAcquire('mirror')).toBe(true);
  });
});
