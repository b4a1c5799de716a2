import { getEventListeners } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { LockManager } from 'holdfast';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { engine } from '../../src/engine/index.ts';
import { syscalls } from '../../src/engine/kernel/syscalls/index.ts';
import { once } from '../../src/once/index.ts';
import { newHome, newLocks } from '../support/place.ts';
import { someTurns } from '../support/turns.ts';

const MANY = 300;
const FOR_EVER = { timeout: Number.POSITIVE_INFINITY };

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Holds a lock as a program without Holdfast would, which this thread knows nothing of. */
async function heldByStranger(locks: LockManager, name: string): Promise<void> {
  await (await locks.acquire(name)).release();
  const fd = openSync(locks.pathOf(name), 'r+');
  onTestFinished(() => closeSync(fd));
  expect(syscalls().lock(fd, 'exclusive')).toBe(0);
}

function warnings(): string[] {
  const names: string[] = [];
  const hear = ({ name, message }: Error) => names.push(`${name}: ${message}`);
  process.on('warning', hear);
  onTestFinished(() => void process.off('warning', hear));
  return names;
}

const untilAborted = ({ signal }: { readonly signal: AbortSignal }) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

const ended = (waits: readonly Promise<unknown>[]) =>
  Promise.all(waits.map((wait) => wait.then(() => 'granted').catch((error) => error.code ?? error)));

describe('requests that end together', () => {
  it('look at the lock once, and do not begin to contend only to give up, when their time is up [X28]', async () => {
    const locks = newLocks();
    await heldByStranger(locks, 'mirror');
    vi.useFakeTimers();
    const begun = vi.spyOn(engine, 'wait');
    const waits = Array.from({ length: MANY }, () => locks.acquire('mirror', { timeout: 1_000 }));
    const looks = vi.spyOn(engine, 'inspect');
    const ends = ended(waits);

    vi.advanceTimersByTime(1_010);

    expect(new Set(await ends)).toEqual(new Set(['HOLDFAST_TIMEOUT']));
    expect(looks).toHaveBeenCalledTimes(1);
    expect(begun).toHaveBeenCalledTimes(1);
  });

  it('do not begin to contend only to give up when one signal aborts them [X28]', async () => {
    const locks = newLocks();
    await heldByStranger(locks, 'mirror');
    const begun = vi.spyOn(engine, 'wait');
    const abort = new AbortController();
    const { signal } = abort;
    const waits = Array.from({ length: MANY }, () => locks.acquire('mirror', { ...FOR_EVER, signal }));
    const last = new AbortController();
    const stays = locks.acquire('mirror', { ...FOR_EVER, signal: last.signal });

    abort.abort('enough');

    expect(new Set(await ended(waits))).toEqual(new Set(['enough']));
    await someTurns();
    expect(begun).toHaveBeenCalledTimes(2); // the first of them, and who is left
    last.abort('enough');
    expect(await ended([stays])).toEqual(['enough']);
  });

  it('look at the lock once where they do not wait at all [X28]', async () => {
    const locks = newLocks();
    await using _ = await locks.acquire('mirror');
    const looks = vi.spyOn(engine, 'inspect');

    const ends = await ended(Array.from({ length: MANY }, () => locks.acquire('mirror', { timeout: 0 })));

    expect(new Set(ends)).toEqual(new Set(['HOLDFAST_BUSY']));
    expect(looks).toHaveBeenCalledTimes(1);
  });

  it('look again once this thread has given the lock to another request [X28]', async () => {
    const locks = newLocks();
    const messages: string[] = [];
    for (const purpose of ['one', 'two']) {
      const lock = await locks.acquire('mirror', { purpose });
      messages.push(await locks.acquire('mirror', { timeout: 0 }).catch(({ message }) => message));
      await lock.release();
    }

    expect(messages).toEqual([expect.stringContaining('"one"'), expect.stringContaining('"two"')]);
  });
});

describe('a signal that many use', () => {
  it('has one listener for all requests, which goes with the last of them [X28]', async () => {
    const told = warnings();
    const locks = newLocks();
    const abort = new AbortController();
    const { signal } = abort;
    newHome();
    const lock = await locks.acquire('mirror');
    const reader = await locks.acquire('shared', { mode: 'shared' });
    await using _ = await locks.acquire('shared', { mode: 'shared' });
    const each = () => [
      locks.acquire('mirror', { ...FOR_EVER, signal }),
      locks.untilFree('mirror', { signal }),
      once('until aborted', untilAborted, { signal }),
    ];
    const granted = locks.acquire('mirror', { ...FOR_EVER, signal });
    const waits = [...Array.from({ length: 15 }, each).flat(), reader.upgrade({ ...FOR_EVER, signal })];
    const ends = ended(waits);
    await someTurns();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);

    await lock.release();
    await using mine = await granted;
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    abort.abort('enough');

    expect(new Set(await ends)).toEqual(new Set(['enough']));
    mine.assertHeld();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(told).toEqual([]);
  });

  it('may be that of a lock, of a set of locks, or of a run of once [X28]', async () => {
    const told = warnings();
    const locks = newLocks();
    newHome();
    await using lock = await locks.acquire('mirror');
    await using set = await locks.acquireAll(['a', 'b']);
    const listen = (signal: AbortSignal) => {
      for (let n = 0; n < 15; n++) signal.addEventListener('abort', () => {});
    };

    listen(lock.signal);
    listen(set.signal);
    await once('listened-to', ({ signal }) => listen(signal));
    await someTurns();

    expect(told).toEqual([]);
  });
});
