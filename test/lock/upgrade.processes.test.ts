import { type LockManager, TimeoutError, UnsupportedError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { heard } from '../support/events.ts';
import { newPlace } from '../support/place.ts';

const shared = (locks: LockManager, name: string) => locks.acquire(name, { mode: 'shared' });

describe('a downgrade', () => {
  it('lets other readers in, and still keeps writers out [R4]', async () => {
    const { home, locks } = newPlace();
    const [other] = await Agent.several(home, 1);
    const lock = await locks.acquire('mirror');
    await other.wait('mirror', { mode: 'shared', pollInterval: 60_000 });

    await lock.downgrade();

    await other.granted();
    expect(lock.mode).toBe('shared');
    await other.release();
    expect(await other.couldAcquire('mirror')).toBe(false);
    await lock.release();
  });
});

describe('an upgrade', () => {
  it('is granted at once to a reader who is alone, with a token of its own [R4]', async () => {
    const { home, locks } = newPlace();
    const [other] = await Agent.several(home, 1);
    const before = await locks.acquire('mirror');
    const { token } = before;
    await before.downgrade();

    await before.upgrade();

    expect(before.mode).toBe('exclusive');
    expect(before.token).toBeGreaterThan(token);
    expect(await other.couldAcquire('mirror', { mode: 'shared' })).toBe(false);
    await before.release();
    expect(await other.couldAcquire('mirror')).toBe(true);
  });

  it('waits for the other readers, and lets no new one in meanwhile [R7]', async () => {
    const { home, locks } = newPlace();
    const [reader, newcomer] = await Agent.several(home, 2);
    await reader.acquire('mirror', { mode: 'shared' });
    const lock = await locks.acquire('mirror', { mode: 'shared' });

    const upgraded = lock.upgrade();
    expect(await newcomer.couldAcquire('mirror', { mode: 'shared' })).toBe(false);
    await reader.release();

    await upgraded;
    await newcomer.wait('mirror', { mode: 'shared' });
    await lock.release();
    await newcomer.granted();
  });

  it('that runs out of time, or is aborted, leaves the shared lock as it was [R41]', async () => {
    const { home, locks } = newPlace();
    const [reader] = await Agent.several(home, 1);
    await reader.acquire('mirror', { mode: 'shared' });
    const lock = await locks.acquire('mirror', { mode: 'shared' });
    const abort = new AbortController();

    await expect(lock.upgrade({ timeout: 1 })).rejects.toBeInstanceOf(TimeoutError);
    const aborted = lock.upgrade({ signal: abort.signal });
    abort.abort(new Error('never mind'));
    await expect(aborted).rejects.toThrow('never mind');

    lock.assertHeld();
    expect(lock.mode).toBe('shared');
    expect(await reader.couldAcquire('mirror', { mode: 'shared' })).toBe(true);
    await lock.release();
  });

  it('fails when another reader upgrades already, for neither could ever be alone [R81]', async () => {
    const { home, locks } = newPlace();
    const [other] = await Agent.several(home, 1);
    await other.acquire('mirror', { mode: 'shared' });
    const lock = await locks.acquire('mirror', { mode: 'shared' });
    const first = lock.upgrade();

    const second = other.run(({ locks: { lock } }) => lock?.upgrade());

    await expect(second).rejects.toMatchObject({ code: 'HOLDFAST_DEADLOCK' });
    await other.release();
    await first;
    await lock.release();
  });

  it('goes on when the other reader is killed [R10]', async () => {
    const { home, locks } = newPlace();
    const victim = await Agent.start({ home, env: {} });
    await victim.acquire('mirror', { mode: 'shared' });
    const lock = await locks.acquire('mirror', { mode: 'shared' });
    const upgraded = lock.upgrade();

    victim.signal('SIGKILL');

    await upgraded;
    await lock.release();
  });

  it.each(['kernel', 'portable'] as const)(
    'tells of an exclusive holder that died before the lock was shared, and nobody after it, by the %s engine [R45]',
    async (engine) => {
      const { home, locks } = newPlace({ engine });
      const victim = await Agent.start({ home, manager: { engine } });
      await victim.acquire('mirror', { purpose: 'half-done work' });
      await victim.kill();
      const news = heard('recovered');
      const lock = await shared(locks, 'mirror');
      expect(lock.recovered).toBe(false);

      await lock.upgrade();

      expect(lock.recovered).toBe(true);
      expect(news).toMatchObject([
        { mode: 'exclusive', previous: { pid: victim.pid, purpose: 'half-done work' } },
      ]);
      await lock.release();
      await using next = await locks.acquire('mirror');
      expect(next.recovered).toBe(false);
      expect(news).toHaveLength(1);
    },
  );

  it.each(['kernel', 'portable'] as const)(
    'does not tell a second time of a holder that died before the lock was first exclusive, by the %s engine [R45, X14]',
    async (engine) => {
      const { home, locks } = newPlace({ engine });
      const victim = await Agent.start({ home, manager: { engine } });
      await victim.acquire('mirror');
      await victim.kill();
      const news = heard('recovered');
      await using lock = await locks.acquire('mirror');
      const told = [lock.recovered];

      await lock.downgrade();
      told.push(lock.recovered);
      await lock.upgrade();
      told.push(lock.recovered);

      expect(told).toEqual([true, false, false]);
      expect(news).toHaveLength(1);
    },
  );

  it.each(['kernel', 'portable'] as const)(
    'ends with LostError when the lock is released, and leaves those taken afterwards as they are, by the %s engine [H9]',
    async (engine) => {
      const { home, locks } = newPlace({ engine });
      const [other] = await Agent.several(home, 1);
      const [one, two] = [await shared(locks, 'mirror'), await shared(locks, 'mirror')];
      const first = one.upgrade();
      await expect(one.upgrade()).rejects.toBeInstanceOf(UnsupportedError);

      const ended = expect(first).rejects.toMatchObject({ code: 'HOLDFAST_LOST', reason: 'released' });
      await one.release();
      const next = await shared(locks, 'registry'); // by the same descriptor number, as a rule
      await ended;

      await two.upgrade();
      expect(next.mode).toBe('shared');
      expect(await other.couldAcquire('registry', { mode: 'shared', engine })).toBe(true);
      await two.release();
      await next.release();
    },
  );
});
