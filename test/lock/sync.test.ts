import { DeadlockError } from 'holdfast';
import { expect, it } from 'vitest';
import { gate } from '../support/deadline.ts';
import { heard } from '../support/events.ts';
import { newLocks } from '../support/place.ts';

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

it('refuses a body that returns a promise, whose work would go on without the lock', async () => {
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
  const patient = { timeout: 120_000 };

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
