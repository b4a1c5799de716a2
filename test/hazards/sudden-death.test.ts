import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { queueDirectory } from '../../src/engine/kernel/entry.ts';
import { Agent } from '../support/agent.ts';
import { Child, fixture } from '../support/child.ts';
import { newPlace } from '../support/place.ts';

const DEATHS = 100;
const AT_ONCE = 4;

it('survives a hundred processes killed at random points: the lock can always be taken, and its token always rises [H16, R10]', async () => {
  const { home, locks } = newPlace();
  let token = 0;

  /** Starts a process that takes and releases the lock, and kills it after some of its lines. */
  async function liveAndDie(lines: number): Promise<void> {
    const child = new Child(process.execPath, [fixture('hold-loop.mjs'), 'mirror'], {
      env: { HOLDFAST_HOME: home },
    });
    await child.line(`lines ${lines}`);
    const { signal, stderr } = await child.kill();
    expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' });
    const lock = await locks.acquire('mirror', { timeout: 120_000 });
    lock.assertHeld();
    expect(lock.degraded).toEqual([]);
    expect(lock.token).toBeGreaterThan(token);
    token = lock.token;
    await lock.release();
  }

  let left = DEATHS;
  const lane = async () => {
    while (left-- > 0) await liveAndDie(1 + Math.floor(Math.random() * 30));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));

  expect(locks.inspect('mirror')).toMatchObject({ state: 'free', holders: [] });
  expect(existsSync(queueDirectory(locks.pathOf('mirror')))).toBe(false);

  const [last] = await Agent.several(home, 1);
  await last.acquire('mirror', { purpose: 'the last' });
  await last.kill();
  const recovered = await locks.acquire('mirror');
  expect([recovered.recovered, recovered.token > token]).toEqual([true, true]);
  await recovered.release();
  const next = await locks.acquire('mirror');
  expect([next.recovered, next.token > recovered.token]).toEqual([false, true]);
  await next.release();
});
