import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as holdfast from 'holdfast';
import { expect, it } from 'vitest';
import { heard } from '../support/events.ts';
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
