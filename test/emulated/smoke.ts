import { describe, expect, it } from 'vitest';
import { here } from '../../src/identity/index.ts';
import { Agent } from '../support/agent.ts';
import { newPlace } from '../support/place.ts';

describe('two processes and one lock, on another architecture [R64]', () => {
  it('take it, wait for it, release it, and free it by dying, with rising tokens [R1, R4, R7, R10]', async () => {
    const { home, locks } = newPlace();
    const [agent] = await Agent.several(home, 1);
    const first = await locks.acquire('mirror', { purpose: 'save' });
    expect(await agent.couldAcquire('mirror')).toBe(false);
    const seen = await agent.run(({ manager }) => manager.inspect('mirror'));
    const { boot, machine, pidNamespace } = here();
    expect(seen).toMatchObject({
      state: 'exclusive',
      holders: [{ pid: process.pid, purpose: 'save', boot, machine, pidNamespace }],
    });

    await agent.wait('mirror');
    const { token } = first;
    await first.release();
    expect((await agent.granted()).recovered).toBe(false);
    expect(await locks.tryAcquire('mirror', { mode: 'shared' })).toBe(undefined);

    const second = locks.acquire('mirror', { timeout: 120_000 });
    await agent.kill();
    const lock = await second;
    expect(lock.recovered).toBe(true);
    expect(lock.token).toBeGreaterThan(token);
    await lock.release();
  });

  it('share it, make it exclusive and shared again, and wait without a turn of the event loop [R4]', async () => {
    const { home, locks } = newPlace();
    const [agent] = await Agent.several(home, 1);
    const lock = await locks.acquire('mirror', { mode: 'shared' });
    expect(await agent.couldAcquire('mirror', { mode: 'shared' })).toBe(true);

    await lock.upgrade();
    expect(await agent.couldAcquire('mirror', { mode: 'shared' })).toBe(false);
    lock.downgrade();
    await agent.acquire('mirror', { mode: 'shared' });
    await lock.release();
    await agent.release();

    const sync = locks.acquireSync('mirror');
    expect(await agent.couldAcquire('mirror')).toBe(false);
    sync.release();
  });
});
