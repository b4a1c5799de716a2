import { existsSync } from 'node:fs';
import { ContractError, EngineMismatchError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Place } from '../../../src/engine/portable/place.ts';
import { Agent } from '../../support/agent.ts';
import { Barrier } from '../../support/barrier.ts';
import { next } from '../../support/events.ts';
import { newPlace } from '../../support/place.ts';
import { untilStopped } from '../../support/until.ts';

const layouts = ['file', 'directory'] as const;

describe.each(layouts)('a lock that others hold with the portable engine (lock %s)', (layout) => {
  const portable = { engine: 'portable', layout } as const;

  it.each(['exclusive', 'shared'] as const)(
    'held %s, is followed by who may choose: busy while it is held, and portable after it [F1]',
    async (mode) => {
      const { home, locks } = newPlace();
      const [holder] = await Agent.several(home, 1);
      await holder.acquire('mirror', { ...portable, mode });

      expect(await locks.tryAcquire('mirror')).toBe(undefined);
      expect(locks.inspect('mirror')).toMatchObject({ state: mode, contract: 'claim' });
      const told = next('waiting');
      const waiting = locks.acquire('mirror', { timeout: Number.POSITIVE_INFINITY });
      await told;
      await holder.release();

      const lock = await waiting;
      expect(lock.contract).toBe('claim');
      expect(lock.degraded).toMatchObject([
        {
          reason: 'no-kernel-lock',
          detail: expect.stringContaining('other programs lock it with the portable engine'),
        },
      ]);
      await lock.release();
    },
  );

  it('is an error for who insists on the kernel, and for who requires its contract; neither touches it [F1]', async () => {
    const { home, locks } = newPlace();
    const [holder] = await Agent.several(home, 1);
    await holder.acquire('mirror', portable);

    const insisting = locks.acquire('mirror', { engine: 'kernel' });
    await expect(insisting).rejects.toThrow(EngineMismatchError);
    await expect(insisting).rejects.toMatchObject({ wanted: 'kernel', found: 'portable' });
    const requiring = locks.acquire('mirror', { require: 'kernel' });
    await expect(requiring).rejects.toThrow(ContractError);
    await expect(requiring).rejects.toMatchObject({ required: 'kernel', available: 'claim' });

    expect(locks.inspect('mirror').holders).toMatchObject([{ pid: holder.pid }]);
    await holder.run(({ locks }) => locks.lock?.assertHeld());
  });

  it('stays portable for those who come when nobody holds it: its counter is the record [F1]', async () => {
    const { home, locks } = newPlace();
    const [holder] = await Agent.several(home, 1);
    await holder.acquire('mirror', portable);
    await holder.release();

    const lock = await locks.acquire('mirror');

    expect(existsSync(new Place(locks.pathOf('mirror')).counter)).toBe(true);
    expect(lock.contract).toBe('claim');
    await lock.release();
  });
});

describe('a lock that the kernel engine has', () => {
  it('is the kernel’s for who may choose, and an error for who insists on the portable engine [F1]', async () => {
    const { home, locks } = newPlace();
    const [holder] = await Agent.several(home, 1);
    await holder.acquire('mirror');

    await expect(locks.acquire('mirror', { engine: 'portable' })).rejects.toMatchObject({
      code: 'HOLDFAST_MISMATCH',
      wanted: 'portable',
      found: 'kernel',
      message: expect.stringContaining("engine: 'kernel'"),
    });
    await holder.release();
    await using lock = await locks.acquire('mirror', { require: 'kernel' });
    expect([lock.contract, lock.degraded]).toEqual(['kernel', []]);
  });
});

describe('contenders that would choose differently', () => {
  it('move over, also while they wait: a waiter stopped while the lock changed hands goes on in the new domain', async () => {
    const { home, locks } = newPlace();
    const [holder, waiter] = await Agent.several(home, 2);
    await holder.acquire('mirror', { engine: 'portable' });
    await waiter.wait('mirror', { timeout: 60_000 });
    waiter.signal('SIGSTOP');
    await untilStopped(waiter.pid);
    await holder.release();
    const kernel = await locks.acquire('mirror', { engine: 'kernel' });

    waiter.signal('SIGCONT');
    expect(await waiter.run(({ manager }) => manager.query().pending.length)).toBe(1);
    await kernel.release();

    await waiter.granted();
    expect(await waiter.run(({ locks }) => locks.lock?.contract)).toBe('kernel');
  });

  it('and meet at an unused lock in the same instant are never granted it together, 25 rounds [C2]', async () => {
    const { home, locks } = newPlace();
    const crowd = await Agent.several(home, 4);
    const kinds = ['auto', 'kernel', 'portable', 'auto'] as const;
    let granted = 0;

    for (let round = 0; round < 25; round++) {
      const name = `fresh ${round}`;
      // Each of them has chosen, has found nothing, and is about to make the lock.
      const barrier = await Barrier.before(1, locks.pathOf(name), crowd);
      const [outcomes] = await Promise.all([
        Promise.all(
          crowd.map((agent, index) =>
            agent.run(
              async ({ manager, locks }, name, engine, mode) => {
                try {
                  const lock = await manager.tryAcquire(name, { engine, mode });
                  if (lock !== undefined) locks.lock = lock;
                  return lock?.contract ?? 'busy';
                } catch (error) {
                  return (error as { code: string }).code;
                }
              },
              name,
              kinds[index] as (typeof kinds)[number],
              round % 2 === 0 || index > 1 ? ('exclusive' as const) : ('shared' as const),
            ),
          ),
        ),
        barrier.pass(),
      ]);
      const holders = outcomes.filter((outcome) => outcome === 'kernel' || outcome === 'claim');
      const others = outcomes.filter((outcome) => outcome !== 'kernel' && outcome !== 'claim');
      expect(new Set(holders).size, `one domain: ${outcomes}`).toBeLessThanOrEqual(1);
      expect(others.every((outcome) => outcome === 'busy' || outcome === 'HOLDFAST_MISMATCH')).toBe(true);
      if (round % 2 === 0) expect(holders.length).toBeLessThanOrEqual(1);
      granted += holders.length;
      await Promise.all(
        crowd.map((agent) =>
          agent.run(async ({ locks }) => {
            await locks.lock?.release();
            delete locks.lock;
          }),
        ),
      );
    }
    expect(granted).toBeGreaterThan(0);
  });
});
