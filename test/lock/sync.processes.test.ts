import { TimeoutError } from 'holdfast';
import { expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { heard } from '../support/events.ts';
import { newPlace } from '../support/place.ts';
import { passTime } from '../support/time.mjs';
import { LONG, staysOpen } from '../support/turns.ts';
import { until } from '../support/until.ts';

it('waits for another process and gets the lock on its release, in order with those who wait otherwise [R9]', async () => {
  const { home, locks } = newPlace();
  const agent = await Agent.start({ home });
  const lock = await locks.acquire('mirror');
  const waited = agent.run(({ holdfast, manager, locks }) => {
    let waited = 0;
    const stop = holdfast.onLockEvent('granted', (event) => {
      waited = event.waited;
    });
    locks.lock = manager.acquireSync('mirror', { timeout: 120_000 });
    stop();
    return waited;
  });
  await until(() => locks.inspect('mirror').waiters.length === 1, 'the other process waits');

  await lock.release();

  expect(await waited).toBeGreaterThan(0);
  expect(await locks.tryAcquire('mirror', { mode: 'shared' })).toBe(undefined);
});

it('gets the lock of a holder that is killed, and says that it recovered it [R10, R45]', async () => {
  const { home, locks } = newPlace();
  const [holder, agent] = await Agent.several(home, 2);
  await holder.acquire('mirror');
  const recovered = agent.run(({ manager, locks }) => {
    locks.lock = manager.acquireSync('mirror', { timeout: 120_000 });
    return locks.lock.recovered;
  });
  await until(() => locks.inspect('mirror').waiters.length === 1, 'the other process waits');

  await holder.kill();

  expect(await recovered).toBe(true);
});

it('leaves no trace of a synchronous wait that ran out of time', async () => {
  const { home, locks } = newPlace();
  const agent = await Agent.start({ home });
  await agent.acquire('mirror');

  expect(() => locks.acquireSync('mirror', { timeout: 5 })).toThrow(TimeoutError);

  expect(locks.inspect('mirror').waiters).toEqual([]);
  await agent.release();
  expect(await agent.couldAcquire('mirror')).toBe(true);
});

it('leaves a wait of this thread that it passed as it was: one grant follows, and its release frees the lock [X57]', async () => {
  const { home, locks } = newPlace();
  const agent = await Agent.start({ home });
  await agent.acquire('mirror');
  const grants = heard('granted');
  const patient = locks.acquire('mirror', { timeout: 120_000 });
  expect(await staysOpen(patient)).toBe(true);

  const released = agent.release(); // on its way; this thread is blocked until it is done
  const lock = locks.acquireSync('mirror', { timeout: 120_000 });
  await released;
  expect(await staysOpen(patient)).toBe(true);
  await lock.release();
  await (await patient).release();

  expect(await agent.couldAcquire('mirror')).toBe(true);
  await agent.acquire('mirror');
  await passTime(LONG);
  expect(grants).toHaveLength(2);
  expect(locks.query().pending).toEqual([]);
});
