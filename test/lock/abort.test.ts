import { existsSync } from 'node:fs';
import { onLockEvent } from 'holdfast';
import { expect, it } from 'vitest';
import { heard } from '../support/events.ts';
import { newLocks } from '../support/place.ts';
import { staysOpen } from '../support/turns.ts';

const reason = new Error('the client went away');

it('rejects with the reason at once when the signal has aborted already, and touches nothing', async () => {
  const locks = newLocks();
  const signal = AbortSignal.abort(reason);
  let ran = false;

  await expect(locks.acquire('mirror', { signal })).rejects.toBe(reason);
  await expect(locks.tryAcquire('mirror', { signal })).rejects.toBe(reason);
  await expect(locks.acquireAll(['mirror', 'registry'], { signal })).rejects.toBe(reason);
  expect(() => locks.acquireSync('mirror', { signal })).toThrow(reason);
  const run = locks.with('mirror', { signal }, () => {
    ran = true;
  });
  await expect(run).rejects.toBe(reason);

  expect(ran).toBe(false);
  expect(existsSync(locks.directory)).toBe(false);
});

it('rejects with the reason when it is aborted by who is told of the request, whether the lock is free or held', async () => {
  const locks = newLocks();
  const held = await locks.acquire('registry');
  const events = heard('aborted');
  const abortAtOnce = () => {
    const abort = new AbortController();
    const stop = onLockEvent('requested', () => {
      stop();
      abort.abort(reason);
    });
    return { signal: abort.signal, timeout: 60_000 };
  };

  await expect(locks.acquire('mirror', abortAtOnce())).rejects.toBe(reason);
  await expect(locks.acquire('registry', abortAtOnce())).rejects.toBe(reason);
  expect(() => locks.acquireSync('mirror', abortAtOnce())).toThrow(reason);

  expect(existsSync(locks.pathOf('mirror'))).toBe(false);
  expect(locks.query().pending).toEqual([]);
  expect(events.map(({ resource, waited }) => [resource, waited])).toEqual([
    ['mirror', 0],
    ['registry', 0],
    ['mirror', 0],
  ]);
  await held.release();
});

it.each([
  ['an error', reason],
  ['a string', 'changed my mind'],
  ['undefined by default, which is an AbortError', undefined],
])('rejects a wait with %s, whatever was given as the reason', async (_what, given) => {
  const locks = newLocks();
  const lock = await locks.acquire('mirror');
  const abort = new AbortController();
  const events = heard('aborted');
  const wait = locks.acquire('mirror', { signal: abort.signal });

  abort.abort(given);

  const caught = await wait.catch((error) => error);
  expect(caught).toBe(abort.signal.reason);
  if (given === undefined) expect(caught).toMatchObject({ name: 'AbortError' });
  expect(events).toMatchObject([{ resource: 'mirror', reason: abort.signal.reason }]);
  lock.assertHeld();
  await lock.release();
});

it('decides for one end when release and abort come together, and holds nothing after an abort [C4]', async () => {
  const locks = newLocks();
  const outcomes = { granted: 0, aborted: 0 };
  for (let round = 0; round < 100; round++) {
    const lock = await locks.acquire('mirror');
    const abort = new AbortController();
    const wait = locks.acquire('mirror', { signal: abort.signal });
    if (round % 4 >= 2) await staysOpen(wait);
    if (round % 2 === 0) void lock.release();
    abort.abort(reason);
    void lock.release();
    const granted = await wait.catch((error) => {
      expect(error).toBe(reason);
      return undefined;
    });
    outcomes[granted === undefined ? 'aborted' : 'granted']++;
    granted?.assertHeld();
    await granted?.release();
    expect(locks.inspect('mirror').state).toBe('free');
  }
  expect(outcomes).toEqual({ granted: 50, aborted: 50 }); // whichever came first
});

it('has no effect after the grant', async () => {
  const locks = newLocks();
  const abort = new AbortController();
  const first = await locks.acquire('mirror', { signal: abort.signal });
  const second = locks.acquire('mirror', { signal: abort.signal });
  await first.release();
  const lock = await second;
  const events = heard('aborted');

  abort.abort(reason);

  lock.assertHeld();
  expect(lock.signal.aborted).toBe(false);
  expect(events).toEqual([]);
  await lock.release();
});

it('lets those behind in line go on [R7]', async () => {
  const locks = newLocks();
  const reader = await locks.acquire('mirror', { mode: 'shared' });
  const abort = new AbortController();
  const writer = locks.acquire('mirror', { signal: abort.signal });
  const readers = [1, 2].map(() => locks.acquire('mirror', { mode: 'shared' }));
  expect(await staysOpen(Promise.race(readers))).toBe(true);

  abort.abort(reason);

  await expect(writer).rejects.toBe(reason);
  for (const lock of await Promise.all(readers)) await lock.release();
  await reader.release();
});

it('shares one listener with all waits on the signal, and keeps none once they are over [X28]', async () => {
  const locks = newLocks();
  const { signal } = new AbortController();
  let listeners = 0;
  const count = (change: number, original: (...args: never[]) => void) =>
    function (this: AbortSignal, ...args: never[]) {
      listeners += change;
      original.apply(this, args);
    };
  Object.assign(signal, {
    addEventListener: count(1, signal.addEventListener as (...args: never[]) => void),
    removeEventListener: count(-1, signal.removeEventListener as (...args: never[]) => void),
  });
  const lock = await locks.acquire('mirror', { signal });
  const granted = locks.acquire('mirror', { signal });
  const late = locks.acquire('mirror', { signal, timeout: 1 });
  expect(listeners).toBe(1);

  await expect(late).rejects.toMatchObject({ code: 'HOLDFAST_TIMEOUT' });
  await lock.release();
  await (await granted).release();

  expect(listeners).toBe(0);
});
