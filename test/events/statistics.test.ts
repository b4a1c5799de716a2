import { LockStatistics } from 'holdfast';
import { expect, it, onTestFinished } from 'vitest';
import { Agent } from '../support/agent.ts';
import { newPlace } from '../support/place.ts';

it('counts acquisitions, waits and their times, timeouts and recoveries, until it is stopped [F14]', async () => {
  const { home, locks: manager } = newPlace();
  const [holder, victim] = await Agent.several(home, 2);
  const statistics = new LockStatistics();
  onTestFinished(() => statistics.stop());
  expect(statistics.snapshot()).toEqual({
    acquisitions: 0,
    waits: 0,
    totalWait: 0,
    meanWait: 0,
    maximumWait: 0,
    timeouts: 0,
    recoveries: 0,
  });

  for (let i = 0; i < 3; i++) await (await manager.acquire('free')).release();
  await holder.acquire('busy');
  await expect(manager.acquire('busy', { timeout: 10 })).rejects.toThrow();
  await expect(manager.acquire('busy', { timeout: 0 })).rejects.toThrow();
  const waits = [
    manager.acquire('busy', { timeout: 120_000 }),
    manager.acquire('busy', { timeout: 120_000 }),
  ];
  await holder.release();
  for (const wait of waits) await (await wait).release();
  await victim.acquire('mirror');
  await victim.kill();
  await (await manager.acquire('mirror')).release();

  const {
    acquisitions,
    waits: waited,
    totalWait,
    meanWait,
    maximumWait,
    timeouts,
    recoveries,
  } = statistics.snapshot();
  expect({ acquisitions, waited, timeouts, recoveries }).toEqual({
    acquisitions: 6,
    waited: 2,
    timeouts: 2,
    recoveries: 1,
  });
  expect(meanWait).toBeCloseTo(totalWait / 6);
  expect(maximumWait).toBeLessThanOrEqual(totalWait);
  expect(maximumWait).toBeGreaterThanOrEqual(totalWait / 2);

  statistics.stop();
  await (await manager.acquire('free')).release();
  expect(statistics.snapshot().acquisitions).toBe(6);
});
