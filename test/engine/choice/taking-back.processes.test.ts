import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Place } from '../../../src/engine/portable/place.ts';
import { Agent } from '../../support/agent.ts';
import { newPlace } from '../../support/place.ts';
import { unboundAgents } from '../../support/unbound.ts';
import { until, untilStopped } from '../../support/until.ts';

/** What a program without the binding is told of a lock that is the kernel's. */
const TOLD = {
  code: 'HOLDFAST_MISMATCH',
  wanted: 'portable',
  found: 'kernel',
  message: expect.stringMatching(/belongs to another engine.*koffi.*cannot be loaded.*keep koffi external/),
};

/** A hold there, from grant to release, as it was. */
const held = (agent: Agent, options = {}) =>
  agent.run(async ({ manager }, options) => {
    const terms = { timeout: Number.POSITIVE_INFINITY, ...options };
    return manager.with('mirror', terms, (lock) => ({
      contract: lock.contract,
      degraded: lock.degraded.map(({ reason }) => reason),
      recovered: lock.recovered,
      token: lock.mode === 'exclusive' ? lock.token : undefined,
    }));
  }, options);

const KERNEL = { contract: 'kernel', degraded: [], recovered: false };
const CLAIM = { contract: 'claim', degraded: ['no-kernel-lock'], recovered: false };

describe('a lock that a program without the binding used first', () => {
  it('goes back to the kernel with the next program that has it, and its tokens go on rising; the first one is told what it lacks [X52]', async () => {
    const { home, locks } = newPlace();
    const [[unbound], [sound]] = await Promise.all([unboundAgents(home, 1), Agent.several(home, 1)]);

    const first = await held(unbound);
    const second = await held(sound);

    expect([first, second]).toMatchObject([CLAIM, KERNEL]);
    expect(second.token).toBe((first.token as number) + 1);
    await expect(held(unbound)).rejects.toMatchObject(TOLD);
    expect(await held(sound)).toMatchObject(KERNEL);
    const { counter, queue } = new Place(locks.pathOf('mirror'));
    expect([existsSync(counter), existsSync(queue)]).toEqual([false, false]);
  });

  it.each([{}, { require: 'kernel' }, { engine: 'kernel' }] as const)(
    'and holds is waited for, and then the kernel’s, for one that asks with %o [X52]',
    async (options) => {
      const { home, locks } = newPlace();
      const [[unbound, behind], [sound]] = await Promise.all([
        unboundAgents(home, 2),
        Agent.several(home, 1),
      ]);
      await unbound.acquire('mirror');
      await sound.wait('mirror', { ...options, timeout: 60_000 });
      const inLine = (count: number) => () => locks.inspect('mirror').waiters.length === count;
      await until(inLine(1), 'it stands in line with those who lack the binding');
      await behind.wait('mirror', { timeout: 60_000 });

      await until(inLine(2), 'the other one stands behind it');
      process.kill(behind.pid, 'SIGSTOP'); // on a busy machine it may pass the first one, which is in no hurry
      await untilStopped(behind.pid);
      await unbound.release();

      expect(await sound.granted()).toMatchObject({ degraded: [] });
      process.kill(behind.pid, 'SIGCONT');
      expect(await sound.run(({ locks }) => locks.lock?.contract)).toBe('kernel');
      await expect(behind.granted()).rejects.toMatchObject(TOLD);
    },
  );

  it('and shares stays with it while it does, and is the kernel’s for whoever comes after [X52]', async () => {
    const { home } = newPlace();
    const [[unbound], [sound]] = await Promise.all([unboundAgents(home, 1), Agent.several(home, 1)]);
    await unbound.acquire('mirror', { mode: 'shared' });

    expect(await held(sound, { mode: 'shared' })).toMatchObject(CLAIM);
    const insisting = held(sound, { mode: 'shared', require: 'kernel' });
    await expect(insisting).rejects.toMatchObject({ code: 'HOLDFAST_CONTRACT' });
    expect(await sound.couldAcquire('mirror')).toBe(false);
    await unbound.release();

    expect(await held(sound, { mode: 'shared' })).toMatchObject(KERNEL);
    await expect(held(unbound, { mode: 'shared' })).rejects.toMatchObject(TOLD);
  });

  it('and was killed with goes back to the kernel with the news of its death [X52]', async () => {
    const { home } = newPlace();
    const [[unbound], [sound]] = await Promise.all([unboundAgents(home, 1), Agent.several(home, 1)]);
    await unbound.acquire('mirror');
    await unbound.kill();

    const { previous, ...lock } = await sound.run(async ({ manager, holdfast }) => {
      let previous: number | undefined;
      holdfast.onLockEvent('recovered', (event) => {
        previous = event.previous.pid;
      });
      const lock = await manager.acquire('mirror', { timeout: Number.POSITIVE_INFINITY });
      const seen = { contract: lock.contract, recovered: lock.recovered, previous };
      await lock.release();
      return seen;
    });

    expect(lock).toEqual({ contract: 'kernel', recovered: true });
    expect(previous).toBe(unbound.pid);
    expect(await held(sound)).toMatchObject(KERNEL);
  });

  it('stays portable where another program chose that engine before, or since [X52, F1]', async () => {
    const { home } = newPlace();
    const [[unbound], [sound]] = await Promise.all([unboundAgents(home, 1), Agent.several(home, 1)]);
    await held(unbound);
    await held(sound, { engine: 'portable' });
    await held(unbound);

    expect(await held(sound)).toMatchObject(CLAIM);
    expect(await held(unbound)).toMatchObject(CLAIM);
    await expect(held(sound, { require: 'kernel' })).rejects.toMatchObject({ code: 'HOLDFAST_CONTRACT' });
  });
});

it('a lock that the kernel has is an error for a program without the binding, held or free, which says what it lacks [X52]', async () => {
  const { home } = newPlace();
  const [[unbound], [sound]] = await Promise.all([unboundAgents(home, 1), Agent.several(home, 1)]);
  await sound.acquire('mirror');

  await expect(held(unbound)).rejects.toMatchObject(TOLD);
  await sound.release();
  await expect(held(unbound)).rejects.toMatchObject(TOLD);
  await expect(held(unbound, { mode: 'shared' })).rejects.toMatchObject(TOLD);

  expect(await held(sound)).toMatchObject(KERNEL);
});

it('programs with and without the binding never hold a lock together while it changes hands between the engines, 10 rounds [X52, C2]', async () => {
  const { home } = newPlace();
  const [unbound, sound] = await Promise.all([unboundAgents(home, 2), Agent.several(home, 3)]);
  const crowd = [...unbound, ...sound];
  for (let round = 0; round < 10; round++) {
    const name = `mirror ${round}`;
    const marker = join(home, `marker ${round}`);
    const at = Date.now() + 20;
    const outcomes = await Promise.all(
      crowd.map((agent, index) =>
        agent.run(
          async ({ manager, fs }, name, marker, at, mayShare) => {
            while (Date.now() < at); // so that all of them start in the same millisecond
            const told: string[] = [];
            for (let hold = 0; hold < 6; hold++) {
              const mode = mayShare && hold % 3 === 0 ? ('shared' as const) : ('exclusive' as const);
              try {
                await manager.with(name, { mode, timeout: 60_000 }, async (lock) => {
                  if (mode === 'exclusive')
                    fs.writeFileSync(marker, '', { flag: 'wx' }); // fails if anybody is there
                  else if (fs.existsSync(marker)) throw new Error('a reader beside a writer');
                  await new Promise((resolve) => setImmediate(resolve));
                  if (mode === 'exclusive') fs.unlinkSync(marker);
                  told.push(lock.contract);
                });
              } catch (error) {
                told.push((error as { code?: string }).code ?? String(error));
              }
            }
            return told;
          },
          name,
          marker,
          at,
          index % 2 === 1,
        ),
      ),
    );
    for (const told of outcomes.slice(0, 2)) {
      expect(
        told.every((each) => each === 'claim' || each === 'HOLDFAST_MISMATCH'),
        `${told}`,
      ).toBe(true);
    }
    for (const told of outcomes.slice(2)) {
      expect(
        told.every((each) => each === 'claim' || each === 'kernel'),
        `${told}`,
      ).toBe(true);
      expect(told.at(-1)).toBe('kernel');
    }
  }
});
