import { getEventListeners } from 'node:events';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as holdfast from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { heard, next } from '../support/events.ts';
import { newPlace } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { staysOpen } from '../support/turns.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A second install of the package in this process, as npm makes them for two dependants. */
async function secondCopy(): Promise<typeof holdfast> {
  const directory = tempDirectory();
  cpSync(join(root, 'dist'), join(directory, 'dist'), { recursive: true });
  writeFileSync(join(directory, 'package.json'), readFileSync(join(root, 'package.json')));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  return (await import(pathToFileURL(join(directory, 'dist/index.js')).href)) as typeof holdfast;
}

it('recognises the errors of another copy of the package, each as its own class [R41, C3]', async () => {
  const other = await secondCopy();
  const { locks } = newPlace();
  const theirs = new other.LockManager({ directory: locks.directory });
  expect(other.LockManager).not.toBe(holdfast.LockManager);

  const caught = async (attempt: () => unknown): Promise<unknown> => {
    try {
      await attempt();
    } catch (error) {
      return error;
    }
    throw new Error('It did not fail.');
  };
  await using lock = await theirs.acquire('mirror');
  const lost = await theirs.acquire('other');
  await lost.release();
  const errors = {
    BusyError: await caught(() => theirs.acquire('mirror', { timeout: 0 })),
    TimeoutError: await caught(() => theirs.acquire('mirror', { timeout: 1 })),
    LostError: await caught(() => lost.assertHeld()),
    DeadlockError: await caught(() => theirs.acquireSync('mirror')),
    InputError: await caught(() => theirs.acquire('')),
  } as const;
  lock.assertHeld();

  for (const [name, error] of Object.entries(errors)) {
    for (const copy of [holdfast, other]) {
      expect(error).toBeInstanceOf(copy[name as keyof typeof errors]);
      expect(error).toBeInstanceOf(copy.HoldfastError);
      for (const wrong of Object.keys(errors).filter((each) => each !== name)) {
        expect(error instanceof copy[wrong as keyof typeof errors]).toBe(false);
      }
    }
    expect(error instanceof holdfast.LockError).toBe(name !== 'InputError');
  }
  expect(holdfast.toProblem(errors.BusyError)?.status).toBe(409);
});

it('excludes the other copy of the package, waits for it, and hears its events', async () => {
  const other = await secondCopy();
  const { locks } = newPlace();
  const theirs = new other.LockManager({ directory: locks.directory });
  const grants = heard('granted');
  const lock = await theirs.acquire('mirror');

  expect(await locks.tryAcquire('mirror')).toBe(undefined);
  const wait = locks.acquire('mirror');
  expect(await staysOpen(wait)).toBe(true);
  await lock.release();
  const own = await wait;
  expect(await theirs.tryAcquire('mirror')).toBe(undefined);
  await own.release();

  expect(grants).toHaveLength(2);
});

it('takes nothing for an error of its own that is none', () => {
  for (const value of [undefined, null, 'HOLDFAST_BUSY', {}, new Error('x'), { code: 'HOLDFAST_BUSY' }]) {
    expect(value instanceof holdfast.HoldfastError).toBe(false);
    expect(value instanceof holdfast.BusyError).toBe(false);
  }
});

describe('a lock that another copy of the package holds in this thread', () => {
  it('is taken again inside its with, and is no lock to wait for otherwise [X18]', async () => {
    const other = await secondCopy();
    const { locks } = newPlace();
    const theirs = new other.LockManager({ directory: locks.directory });
    const patient = { timeout: 120_000 };

    await locks.with('mirror', async () => {
      await using again = await theirs.acquire('mirror', { ...patient, reentrant: true });
      again.assertHeld();
      await expect(theirs.acquire('mirror', patient)).rejects.toBeInstanceOf(other.DeadlockError);
    });
    await theirs.with('mirror', async () => {
      await using again = await locks.acquire('mirror', { ...patient, reentrant: true });
      again.assertHeld();
      await expect(locks.acquire('mirror', patient)).rejects.toBeInstanceOf(holdfast.DeadlockError);
    });

    await using free = await theirs.acquire('mirror', { timeout: 0 });
    free.assertHeld();
  });

  it('is waited for in one line of the thread, which either copy tells [X18]', async () => {
    const other = await secondCopy();
    const { locks } = newPlace();
    const theirs = new other.LockManager({ directory: locks.directory });
    const lock = await locks.acquire('mirror');
    const second = theirs.acquire('mirror', { purpose: 'second' });
    const third = locks.acquire('mirror', { purpose: 'third' });
    const line = [
      { purpose: 'second', position: 1 },
      { purpose: 'third', position: 2 },
    ];

    for (const each of [locks, theirs]) expect(each.query().pending).toMatchObject(line);

    expect(() => theirs.acquireSync('mirror')).toThrow(other.DeadlockError);
    await lock.release();
    await (await second).release();
    await (await third).release();
  });

  it('counts as held while it is, where its owner says that it holds it [X18]', async () => {
    const other = await secondCopy();
    const { locks } = newPlace();
    const theirs = new other.LockManager({ directory: locks.directory });
    const lock = await theirs.acquire('mirror');
    const asked = () => locks.acquire('mirror', { timeout: 120_000, holding: [lock] });

    await expect(asked()).rejects.toBeInstanceOf(holdfast.DeadlockError);

    await lock.release();
    await using again = await asked();
    again.assertHeld();
  });

  it('has an id that no lock of this copy has [X18]', async () => {
    const other = await secondCopy();
    const { locks } = newPlace();
    const theirs = new other.LockManager({ directory: locks.directory });
    const granted = heard('granted');

    for (const each of [locks, theirs, locks, theirs]) await (await each.acquire('mirror')).release();

    expect(new Set(granted.map(({ id }) => id)).size).toBe(4);
    expect(new Set(granted.map(({ manager }) => manager)).size).toBe(2);
  });
});

it('listens to a signal, and to the exit of the process, together with all other copies [X28]', async () => {
  const copies = [holdfast, await secondCopy(), await secondCopy()];
  const { home, locks } = newPlace();
  const agent = await Agent.start({ home });
  const abort = new AbortController();
  const { signal } = abort;
  const exits: number[] = [];
  const ends: Promise<unknown>[] = [];
  for (const [n, { LockManager }] of copies.entries()) {
    await agent.acquire(`held ${n}`, {}, `held ${n}`);
    const manager = new LockManager({ directory: locks.directory });
    const waiting = next('waiting');
    ends.push(manager.acquire(`held ${n}`, { signal, timeout: 60_000 }).catch((error) => error));
    await waiting;
    exits.push(process.listenerCount('exit'));
  }
  const [first] = exits;

  expect(exits).toEqual([first, first, first]);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  abort.abort('enough');
  expect(await Promise.all(ends)).toEqual(['enough', 'enough', 'enough']);
});
