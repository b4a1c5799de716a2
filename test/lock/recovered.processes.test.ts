import type { EngineName, LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { newPlace } from '../support/place.ts';

/** Is taken after `mirror`: several locks are taken in the order of their paths. */
const LATER = 'zone';

/** A lock whose exclusive holder was killed, and the process that it was. */
async function lockOfTheDead(engine: EngineName) {
  const { home, locks } = newPlace({ engine });
  const victim = await Agent.start({ home });
  await victim.manage({ engine });
  await victim.acquire('mirror', { purpose: 'half-done work' });
  await victim.kill();
  return { home, locks, pid: victim.pid };
}

async function isTold(locks: LockManager): Promise<boolean> {
  await using lock = await locks.acquire('mirror', { timeout: 0 });
  return lock.recovered;
}

describe.each(['kernel', 'portable'] as const)('the death of a holder, with the %s engine', (engine) => {
  it('is told to the next one where acquireAll got this lock and failed at another [X14]', async () => {
    const { locks } = await lockOfTheDead(engine);
    const held = await locks.acquire(LATER);

    await expect(locks.acquireAll(['mirror', LATER], { timeout: 1 })).rejects.toThrow(LATER);

    expect([await isTold(locks), await isTold(locks)]).toEqual([true, false]);
    await held.release();
  });

  it('is told to a request of the same thread that waited while acquireAll had the lock [X14]', async () => {
    const { locks } = await lockOfTheDead(engine);
    const abort = new AbortController();
    const held = await locks.acquire(LATER);
    const all = locks.acquireAll(['mirror', LATER], { timeout: 60_000, signal: abort.signal });
    const next = locks.acquire('mirror', { timeout: 60_000 });

    abort.abort(new Error('given up'));

    await expect(all).rejects.toThrow('given up');
    const lock = await next;
    expect(lock.recovered).toBe(true);
    await lock.release();
    await held.release();
  });

  it('is told by an upgrade, and not again [X14]', async () => {
    const { locks } = await lockOfTheDead(engine);
    const lock = await locks.acquire('mirror', { mode: 'shared' });

    await lock.upgrade();

    expect(lock.recovered).toBe(true);
    await lock.release();
    expect(await isTold(locks)).toBe(false);
  });
});

it('is told to the next one where a strict manager refused the lock because it is degraded [X14]', async () => {
  const { home, locks } = await lockOfTheDead('portable');
  const strace = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=flock'];
  const noKernel = await Agent.start({ home, through: [...strace, '-e', 'inject=flock:error=ENOSYS'] });
  await noKernel.manage({ strict: true });

  await expect(noKernel.acquire('mirror')).rejects.toMatchObject({ code: 'HOLDFAST_DEGRADED' });

  expect([await isTold(locks), await isTold(locks)]).toEqual([true, false]);
});
