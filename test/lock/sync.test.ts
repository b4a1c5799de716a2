import { DeadlockError, TimeoutError } from 'holdfast';
import { expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { gate } from '../support/deadline.ts';
import { heard } from '../support/events.ts';
import { newLocks, newPlace } from '../support/place.ts';
import { someTurns, staysOpen } from '../support/turns.ts';
import { until } from '../support/until.ts';

it('gives a free lock synchronously, and releases it', () => {
  const locks = newLocks();
  const grants = heard('granted');

  const lock = locks.acquireSync('mirror', { mode: 'shared' });

  lock.assertHeld();
  expect(lock).toMatchObject({ resource: 'mirror', mode: 'shared', contract: 'kernel' });
  expect(locks.inspect('mirror').state).toBe('shared');
  void lock.release();
  expect(locks.inspect('mirror').state).toBe('free');
  expect(grants).toMatchObject([{ waited: 0 }]);
});

it('runs a body while the lock is held, gives its result and releases it however it ends [C4, G15]', () => {
  const locks = newLocks();

  const result = locks.withSync('mirror', {}, (lock) => {
    lock.assertHeld();
    expect(locks.inspect('mirror').state).toBe('exclusive');
    return 42;
  });
  const failure = () =>
    locks.withSync('mirror', {}, () => {
      throw new Error('disk on fire');
    });

  expect(result).toBe(42);
  expect(failure).toThrow('disk on fire');
  expect(locks.inspect('mirror').state).toBe('free');
});

it('refuses a body that returns a promise, whose work would go on without the lock [C4]', async () => {
  const locks = newLocks();
  const { opened, open } = gate();
  const work = async () => await opened;

  // @ts-expect-error: the compiler refuses it, too
  expect(() => locks.withSync('mirror', {}, work)).toThrow(
    'body returned a promise, and the lock on "mirror" was released before that settled: use with, which waits.',
  );

  open();
  expect(locks.inspect('mirror').state).toBe('free');
});

it('fails at once with DeadlockError when this very thread holds the lock, in a context of whatever kind [R81]', async () => {
  const locks = newLocks();
  const lock = await locks.acquire('mirror');
  // Not for ever: a thread that is blocked cannot be ended by its test.
  const patient = { timeout: 10_000 };

  expect(() => locks.acquireSync('mirror', patient)).toThrow(DeadlockError);
  expect(() => locks.acquireSync('mirror', { ...patient, mode: 'shared' })).toThrow(
    'Waiting for mirror would never end: this very thread holds it, and cannot release while it waits synchronously. ' +
      `Use acquire, or release the lock first. Lock: ${lock.path}`,
  );
  expect(() => locks.withSync('mirror', patient, () => {})).toThrow(DeadlockError);

  lock.assertHeld();
  await lock.release();
  void locks.acquireSync('mirror', patient).release();
});

it('shares a lock that this thread holds in shared mode [R4]', async () => {
  const locks = newLocks();
  const lock = await locks.acquire('mirror', { mode: 'shared' });

  void locks.acquireSync('mirror', { mode: 'shared' }).release();

  lock.assertHeld();
  await lock.release();
});

it('waits for another process and gets the lock on its release, in order with those who wait otherwise [R9]', async () => {
  const { home, locks } = newPlace();
  const agent = await Agent.start({ home });
  const lock = await locks.acquire('mirror');
  const waited = agent.run(({ holdfast, manager, locks }) => {
    let waited = 0;
    const stop = holdfast.onLockEvent('granted', (event) => {
      waited = event.waited;
    });
    locks.lock = manager.acquireSync('mirror', { timeout: 20_000 });
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
    locks.lock = manager.acquireSync('mirror', { timeout: 20_000 });
    return locks.lock.recovered;
  });
  await until(() => locks.inspect('mirror').waiters.length === 1, 'the other process waits');

  await holder.kill();

  expect(await recovered).toBe(true);
});

it('leaves no trace of a synchronous wait that ran out of time [A15, R12]', async () => {
  const { home, locks } = newPlace();
  const agent = await Agent.start({ home });
  await agent.acquire('mirror');

  expect(() => locks.acquireSync('mirror', { timeout: 5 })).toThrow(TimeoutError);

  expect(locks.inspect('mirror').waiters).toEqual([]);
  await agent.release();
  expect(await agent.couldAcquire('mirror')).toBe(true);
});

it('leaves a wait of this thread that it passed as it was: one grant follows, and its release frees the lock', async () => {
  const { home, locks } = newPlace();
  const agent = await Agent.start({ home });
  await agent.acquire('mirror');
  const grants = heard('granted');
  const patient = locks.acquire('mirror', { timeout: 20_000 });
  expect(await staysOpen(patient)).toBe(true);

  const released = agent.release(); // on its way; this thread is blocked until it is done
  const lock = locks.acquireSync('mirror', { timeout: 20_000 });
  await released;
  expect(await staysOpen(patient)).toBe(true);
  await lock.release();
  await (await patient).release();

  expect(await agent.couldAcquire('mirror')).toBe(true);
  await agent.acquire('mirror');
  await someTurns();
  expect(grants).toHaveLength(2);
  expect(locks.query().pending).toEqual([]);
});
