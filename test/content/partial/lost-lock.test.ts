import { randomBytes } from 'node:crypto';
import { cpSync, promises, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { PartialFile } from '../../../src/content/partial/partial-file.ts';
import { readState, stateFile, writeState } from '../../../src/content/partial/state.ts';
import { interceptPromise } from '../../cache/support.ts';
import { tempDirectory } from '../../support/temp.ts';

const MEBIBYTE = 1024 * 1024;
const sourceOf = (etag: string) => ({ url: 'http://host/file', validators: { etag } });

async function open(directory: string): Promise<PartialFile> {
  const partial = await PartialFile.open(directory, { resume: true });
  onTestFinished(() => partial.close());
  return partial;
}

/** One that was stopped, and what another has begun in its place, from another version, since its lock was deleted. */
async function replaced() {
  const directory = join(tempDirectory(), 'partial');
  const stopped = await open(directory);
  await stopped.begin(sourceOf('"one"'));
  await stopped.write(randomBytes(5 * MEBIBYTE));
  const next = await open(directory);
  await next.restart();
  await next.begin(sourceOf('"two"'));
  const bytes = randomBytes(4 * MEBIBYTE);
  await next.write(bytes);
  return { directory, stopped, next, bytes };
}

/** The other one is killed; who comes after it finds its version and its bytes. */
async function expectUntouched({ directory, bytes }: Awaited<ReturnType<typeof replaced>>): Promise<void> {
  expect(readState(directory)?.validators).toEqual({ etag: '"two"' });
  const { offset } = await open(directory);
  expect(offset).toBeGreaterThan(0);
  expect(readFileSync(join(directory, 'data')).equals(bytes.subarray(0, offset))).toBe(true);
}

it('who lost the lock of its key notes nothing of its own bytes beside those of another [K10, H7]', async () => {
  const all = await replaced();
  await all.stopped.close();
  await expectUntouched(all);
});

it('who lost the lock of its key starts nothing over in the place of another [K10, H7]', async () => {
  const all = await replaced();
  await expect(all.stopped.restart()).rejects.toThrow(/data was replaced while it was written$/);
  await all.stopped.close();
  await expectUntouched(all);
});

it('who lost the lock of its key removes its own file alone when that could not be synced [K6, H7]', async () => {
  const all = await replaced();
  const file = await promises.open(join(tempDirectory(), 'file'), 'w');
  const files = Object.getPrototypeOf(file) as Pick<typeof file, 'sync'>;
  await file.close();
  const { sync } = files;
  onTestFinished(() => void Object.assign(files, { sync }));
  files.sync = () => Promise.reject(Object.assign(new Error('EIO: injected'), { code: 'EIO' }));
  await expect(all.stopped.seal()).rejects.toMatchObject({ code: 'EIO' });
  await all.stopped.close();
  await expectUntouched(all);
});

it('starts over where the state is of another file than the data, or both are a copy [K10, H7]', async () => {
  const directory = join(tempDirectory(), 'partial');
  const stopped = await open(directory);
  await stopped.begin(sourceOf('"one"'));
  await stopped.write(randomBytes(5 * MEBIBYTE));
  await stopped.finish();
  await stopped.begin(sourceOf('"one"'));
  const state = readFileSync(stateFile(directory)); // renamed to its name by who was stopped right before that
  const copy = join(tempDirectory(), 'partial');
  cpSync(directory, copy, { recursive: true });
  expect((await open(copy)).offset).toBe(0);
  const next = await open(directory);
  await next.restart();
  await next.begin(sourceOf('"two"'));
  await next.write(randomBytes(6 * MEBIBYTE));
  await next.close();
  writeFileSync(stateFile(directory), state);
  expect((await open(directory)).offset).toBe(0);
});

it('who lost the lock of its key and notes its state at the same time ends no fetch of who has it now [K10, H7]', async () => {
  const { directory, next } = await replaced();
  const late = readState(directory);
  if (late === undefined) throw new Error('there is no state');
  let isLate = false;
  interceptPromise('open', (original) => async (...parameters) => {
    const file = await original(...parameters);
    if (!isLate) {
      isLate = true;
      await writeState(directory, { ...late, validators: { etag: '"one"' } });
    }
    return file;
  });
  await next.begin(sourceOf('"two"'));
  expect(isLate).toBe(true);
  expect(readState(directory)?.validators).toEqual({ etag: '"two"' });
  expect(readdirSync(directory).sort()).toEqual(['data', 'state.json']);
});
