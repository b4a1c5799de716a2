import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { PermitsError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { permitsDirectory } from '../../src/engine/file/permits.ts';
import { Agent } from '../support/agent.ts';
import { newPlace } from '../support/place.ts';

const SEMAPHORE = { permits: 2 } as const;

describe('a lock with permits', () => {
  it('admits as many processes as it has permits, and one more when one of them releases', async () => {
    const { home } = newPlace();
    const [a, b, c] = await Agent.several(home, 3);
    await a.acquire('pool', SEMAPHORE);
    await b.acquire('pool', SEMAPHORE);

    expect(await c.couldAcquire('pool', SEMAPHORE)).toBe(false);
    await c.wait('pool', SEMAPHORE);
    await a.release();

    await c.granted();
    expect(await a.couldAcquire('pool', SEMAPHORE)).toBe(false);
  });

  it('gives the permit of a killed holder to the next in line [R10, R45]', async () => {
    const { home } = newPlace();
    const victim = await Agent.start({ home, env: {} });
    const [b, c] = await Agent.several(home, 2);
    await victim.acquire('pool', SEMAPHORE);
    await b.acquire('pool', SEMAPHORE);
    await c.wait('pool', { ...SEMAPHORE, pollInterval: 60_000 });

    victim.signal('SIGKILL');

    await c.granted();
  });

  it('is granted in the order of asking [R7]', async () => {
    const { home } = newPlace();
    const [a, b, c] = await Agent.several(home, 3);
    await a.acquire('pool', { permits: 1 });
    await b.wait('pool', { permits: 1 });
    await c.wait('pool', { permits: 1 });

    await a.release();
    await b.granted();
    expect(await a.couldAcquire('pool', { permits: 1 })).toBe(false);
    await b.release();

    await c.granted();
  });

  it('excludes an exclusive lock on the same name, and is excluded by one [R4]', async () => {
    const { home, locks } = newPlace();
    const [other] = await Agent.several(home, 1);
    await other.acquire('pool', SEMAPHORE);
    expect(await locks.tryAcquire('pool')).toBeUndefined();
    await other.release();

    const alone = await locks.acquire('pool');
    expect(await other.couldAcquire('pool', SEMAPHORE)).toBe(false);
    await alone.release();
  });

  it('names every holder [G12]', async () => {
    const { home, locks } = newPlace();
    const [a, b] = await Agent.several(home, 2);
    await a.acquire('pool', { ...SEMAPHORE, purpose: 'first' });
    await b.acquire('pool', { ...SEMAPHORE, purpose: 'second' });

    const { state, holders } = locks.inspect('pool');

    expect(state).toBe('shared');
    expect(holders.map(({ purpose }) => purpose).toSorted()).toEqual(['first', 'second']);
  });

  it('refuses another number of permits, and plain sharing, with a typed error that names both', async () => {
    const { home, locks } = newPlace();
    const [other] = await Agent.several(home, 1);
    await other.acquire('pool', SEMAPHORE);

    const refused = locks.acquire('pool', { permits: 3 });
    await expect(refused).rejects.toBeInstanceOf(PermitsError);
    await expect(refused).rejects.toThrow(/held with 2 permits, and was asked for with 3 permits/);
    await expect(locks.acquire('pool', { mode: 'shared' })).rejects.toMatchObject({ agreed: 2 });

    await other.release();
    const shared = await locks.acquire('pool', { mode: 'shared' });
    await expect(other.acquire('pool', SEMAPHORE)).rejects.toMatchObject({
      code: 'HOLDFAST_PERMITS',
      agreed: 0,
    });
    await shared.release();
  });

  it('agrees on a new number once all permits are back, and leaves nothing but the lock file and an empty directory beside it [X7, R12]', async () => {
    const { home, locks } = newPlace();
    const [other] = await Agent.several(home, 1);
    await other.acquire('pool', SEMAPHORE);
    await other.release();

    const lock = await locks.acquire('pool', { permits: 5 });
    await lock.release();

    const name = basename(locks.pathOf('pool'));
    expect(readdirSync(locks.directory).toSorted()).toEqual([name, `${name}.permits`]);
    expect(readdirSync(permitsDirectory(locks.pathOf('pool')))).toEqual([]);
  });

  it('clears away the slots of holders that were killed [R45, R46]', async () => {
    const { home, locks } = newPlace();
    const victim = await Agent.start({ home, env: {} });
    await victim.acquire('pool', { permits: 3 });
    await victim.kill();

    const lock = await locks.acquire('pool', { permits: 3 });
    await lock.release();

    expect(readdirSync(permitsDirectory(locks.pathOf('pool')))).toEqual([]);
  });
});
