import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  promises,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { PartialFile } from '../../../src/content/partial/partial-file.ts';
import {
  type PartialState,
  readProgress,
  readState,
  standing,
  stateFile,
} from '../../../src/content/partial/state.ts';
import { here } from '../../../src/identity/index.ts';
import { writeAll as writeWhole } from '../../../src/storage/durable.ts';
import { gate } from '../../support/deadline.ts';
import { tempDirectory } from '../../support/temp.ts';

const MEBIBYTE = 1024 * 1024;
const SOURCE = { url: 'http://host/file', validators: { etag: '"one"' }, total: 9 * MEBIBYTE };

function place(): string {
  return join(tempDirectory(), 'partial');
}

async function open(directory: string, resume = true): Promise<PartialFile> {
  const partial = await PartialFile.open(directory, { resume });
  onTestFinished(() => partial.close());
  return partial;
}

const sha = (bytes: Uint8Array, algorithm = 'sha256') => createHash(algorithm).update(bytes).digest('hex');

/** In pieces of very different sizes. */
async function writeAll(partial: PartialFile, bytes: Uint8Array): Promise<void> {
  const sizes = [1, 70_000, 16, 3 * MEBIBYTE, 5000];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    await partial.write(bytes.subarray(at, at + size));
    at += size;
  }
}

it('writes and hashes what it is given, in order and to the last byte [K35]', async () => {
  const bytes = randomBytes(9 * MEBIBYTE + 17);
  const partial = await open(place());
  partial.hash(['sha512']);
  await writeAll(partial, bytes);
  const { size, digests } = await partial.seal();
  expect(size).toBe(bytes.length);
  expect(digests).toEqual({ sha256: sha(bytes), sha512: sha(bytes, 'sha512') });
  expect(sha(readFileSync(partial.path))).toBe(sha(bytes));
});

it('joins many small pieces [K35]', async () => {
  const bytes = randomBytes(5000);
  const partial = await open(place());
  for (const byte of bytes) await partial.write(Uint8Array.of(byte));
  expect((await partial.finish()).digests.sha256).toBe(sha(bytes));
});

it('goes on after a close, and hashes what was there [K9]', async () => {
  const bytes = randomBytes(9 * MEBIBYTE);
  const directory = place();
  const first = await open(directory);
  await first.begin(SOURCE);
  await writeAll(first, bytes.subarray(0, 5_000_001));
  await first.close();
  expect(readProgress(directory)).toEqual({
    done: 5_000_001,
    total: 9 * MEBIBYTE,
    hasVersion: true,
  });
  const second = await open(directory);
  expect(second.offset).toBe(5_000_001);
  expect(second.state).toMatchObject(SOURCE);
  await writeAll(second, bytes.subarray(5_000_001));
  expect((await second.seal()).digests.sha256).toBe(sha(bytes));
});

it('hashes anew when another algorithm is asked for later [K34]', async () => {
  const bytes = randomBytes(2 * MEBIBYTE);
  const partial = await open(place());
  await writeAll(partial, bytes);
  partial.hash(['sha384']);
  expect((await partial.finish()).digests).toEqual({ sha256: sha(bytes), sha384: sha(bytes, 'sha384') });
});

it('starts over with nothing left of what was there [K10]', async () => {
  const directory = place();
  const partial = await open(directory);
  await partial.begin(SOURCE);
  await writeAll(partial, randomBytes(3 * MEBIBYTE));
  await partial.restart();
  expect(partial.offset).toBe(0);
  expect(existsSync(stateFile(directory))).toBe(false);
  const bytes = randomBytes(1000);
  await partial.write(bytes);
  const { digests, size } = await partial.seal();
  expect(digests.sha256).toBe(sha(bytes));
  expect([size, statSync(partial.path).size]).toEqual([1000, 1000]);
});

it('starts over in a file that who has the old one open no longer writes to [K10, H7]', async () => {
  const directory = place();
  const dead = await open(directory);
  await dead.begin(SOURCE);
  await writeAll(dead, randomBytes(5_000_001));
  await dead.close();
  const stopped = await open(directory);
  const next = await open(directory); // the lock of the key was deleted
  await next.restart();
  const bytes = randomBytes(2 * MEBIBYTE);
  await writeAll(next, bytes);
  writeSync(stopped.fd, Buffer.alloc(1000), 0, 1000, 1000);
  const { digests } = await next.seal();
  expect(digests.sha256).toBe(sha(bytes));
  expect(sha(readFileSync(next.path))).toBe(sha(bytes));
});

it('goes on far behind the first four gibibytes [K35]', async () => {
  const directory = place();
  const far = 5 * 1024 ** 3;
  mkdirSync(directory);
  writeFileSync(join(directory, 'data'), '');
  truncateSync(join(directory, 'data'), far); // sparse
  const { ino: inode } = statSync(join(directory, 'data'));
  const state = { ...STATE, ...SOURCE, boot: here().boot, inode, durable: far, written: far };
  writeFileSync(stateFile(directory), JSON.stringify(state));
  const partial = await open(directory);
  expect(partial.offset).toBe(far);
  const bytes = randomBytes(1000);
  await partial.write(bytes);
  await partial.close();
  expect(readState(directory)).toMatchObject({ written: far + 1000 });
  const fd = openSync(join(directory, 'data'), 'r');
  onTestFinished(() => closeSync(fd));
  const there = Buffer.alloc(2000);
  expect(readSync(fd, there, 0, 2000, far)).toBe(1000);
  expect(there.subarray(0, 1000)).toEqual(bytes);
});

it('goes on with nothing that was begun without a source, or when it is not asked to', async () => {
  const directory = place();
  const first = await open(directory);
  await first.write(randomBytes(1000));
  await first.close();
  const second = await open(directory);
  expect(second.offset).toBe(0);
  await second.begin(SOURCE);
  await second.write(randomBytes(1000));
  await second.close();
  expect((await open(directory, false)).offset).toBe(0);
});

const STATE: PartialState = {
  ...{ url: 'u', validators: {}, boot: 'b', inode: 1 },
  ...{ durable: 100, written: 200, window: 50 },
};

it.each<[string, Partial<PartialState>, size: number, boot: string, expected: number]>([
  ['all that was written, where the process ended in order', {}, 200, 'b', 200],
  ['what no write in flight can have left out, where less is there than was noted', {}, 190, 'b', 140],
  ['what was synced, where little more is there', {}, 120, 'b', 100],
  ['what no write in flight can have left out, where it died', {}, 1000, 'b', 950],
  ['what was noted as written, where that is more', {}, 240, 'b', 200],
  ['what was synced, after another boot', {}, 1000, 'c', 100],
  ['what was synced, where no boot is known', { boot: '' }, 1000, '', 100],
  ['nothing, where less is there than was synced', {}, 99, 'b', 0],
  ['no more by a narrower window of its own', { window: 0 }, 1000, 'b', 960],
])('goes on with %s [K5, K6]', (_, changes, size, boot, expected) => {
  expect(standing({ ...STATE, ...changes }, size, boot, 40)).toBe(expected);
});

it('cuts off what a power loss may have filled with zeros [K6]', async () => {
  const directory = place();
  const bytes = randomBytes(MEBIBYTE);
  mkdirSync(directory);
  writeFileSync(join(directory, 'data'), Buffer.concat([bytes, Buffer.alloc(MEBIBYTE)]));
  const { ino: inode } = statSync(join(directory, 'data'));
  const state = { ...STATE, ...SOURCE, boot: 'another', inode, durable: MEBIBYTE, written: 2 * MEBIBYTE };
  writeFileSync(stateFile(directory), JSON.stringify(state));
  const partial = await open(directory);
  expect(partial.offset).toBe(MEBIBYTE);
  expect(readState(directory)).toMatchObject({ boot: here().boot, written: MEBIBYTE, durable: MEBIBYTE });
  expect((await partial.finish()).digests.sha256).toBe(sha(bytes));
});

it.each([
  ['nothing', ''],
  ['zeros', '\0\0\0\0'],
  ['a number', '7'],
  ['a state without a file', JSON.stringify({ ...STATE, inode: undefined })],
  ['a state without a boot', JSON.stringify({ ...STATE, boot: undefined })],
  ['a state with a negative length', JSON.stringify({ ...STATE, durable: -1 })],
  ['a state with half a byte', JSON.stringify({ ...STATE, written: 0.5 })],
])('starts over where its state is %s [K6, K22]', async (_, text) => {
  const directory = place();
  mkdirSync(directory);
  writeFileSync(join(directory, 'data'), 'bytes');
  const { ino } = statSync(join(directory, 'data'));
  writeFileSync(stateFile(directory), text.replace('"inode":1', `"inode":${ino}`));
  expect((await open(directory)).offset).toBe(0);
});

it('passes over a validator that no header could hold [K22]', async () => {
  const directory = place();
  mkdirSync(directory);
  const validators = { etag: '"a"\r\nx: y', lastModified: 7, date: 'then' };
  writeFileSync(stateFile(directory), JSON.stringify({ ...STATE, validators }));
  expect(readState(directory)?.validators).toEqual({ date: 'then' });
});

it('replaces a link in the place of the data, the state or the directory, and leaves its aim alone [K23]', async () => {
  const home = tempDirectory();
  const victim = join(home, 'victim');
  writeFileSync(victim, 'precious');
  const directory = join(home, 'partial');
  mkdirSync(directory);
  writeFileSync(stateFile(directory), JSON.stringify(STATE));
  symlinkSync(victim, join(directory, 'data'));
  const partial = await open(directory);
  await partial.begin(SOURCE);
  await partial.write(Buffer.from('x'));
  await partial.seal();
  await partial.close();
  const other = join(home, 'other');
  symlinkSync(home, other);
  await (await open(other)).write(Buffer.from('x'));
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  expect(existsSync(join(home, 'data'))).toBe(false);
});

it('says what does not fit on the disk before the first byte [K17]', async () => {
  const partial = await open(place());
  await partial.reserve(1000);
  await expect(partial.reserve(2 ** 52)).rejects.toMatchObject({
    code: 'HOLDFAST_NO_SPACE',
    needed: 2 ** 52,
    message: expect.stringMatching(
      /4\.5 PB are to come, [\d.]+ \wB are free, and 67\.1 MB have to stay free for other files\. Make room on that disk, as with holdfast cache prune/,
    ),
  });
});

it('goes on behind short writes [K35]', async () => {
  const path = join(tempDirectory(), 'data');
  const file = await promises.open(path, 'wx');
  onTestFinished(() => file.close());
  const atMostThree = (bytes: Uint8Array, offset: number, length: number, position: number) =>
    file.write(bytes, offset, Math.min(3, length), position);
  await writeWhole({ write: atMostThree as FileHandle['write'] }, Buffer.from('12345678'), 2);
  expect(readFileSync(path, 'latin1')).toBe('\0\x0012345678');
});

/** Puts something in the way of a call on open files until the test is over. */
async function interceptFile<N extends 'write' | 'sync' | 'datasync'>(
  name: N,
  wrap: (original: (...args: unknown[]) => Promise<unknown>) => (...args: unknown[]) => Promise<unknown>,
): Promise<void> {
  const file = await promises.open(join(tempDirectory(), 'file'), 'w');
  const files = Object.getPrototypeOf(file) as Record<N, (...args: unknown[]) => Promise<unknown>>;
  await file.close();
  const original = files[name];
  files[name] = function (this: unknown, ...args) {
    return wrap((...own) => original.apply(this, own))(...args);
  };
  onTestFinished(() => void Object.assign(files, { [name]: original }));
}

it.each([100_000, 2 * MEBIBYTE + 1])(
  'takes pieces of %i bytes as they are, and not as they are when their buffer is used again [K35]',
  async (size) => {
    await interceptFile('write', (original) => async (...args) => {
      await setImmediate(); // whoever does not wait for it, has used the buffer again by then
      return original(...args);
    });
    const texts = [...'abcdefghij'];
    const partial = await open(place());
    const buffer = Buffer.alloc(size);
    for (const text of texts) await partial.write(buffer.fill(text));
    const { digests } = await partial.seal();
    const bytes = Buffer.concat(texts.map((text) => Buffer.alloc(size, text)));
    expect(readFileSync(partial.path).equals(bytes)).toBe(true);
    expect(digests.sha256).toBe(sha(bytes));
  },
);

it.each(['datasync', 'sync'] as const)(
  'a %s that fails once is an error, and nothing is gone on with that may be on no disk [K6]',
  async (name) => {
    const directory = place();
    const reached = gate();
    let calls = 0;
    await interceptFile(name, (original) => async () => {
      if (calls++ > 0) return original();
      await reached.opened;
      throw Object.assign(new Error('EIO: injected'), { code: 'EIO' });
    });
    const partial = await open(directory);
    await partial.begin({ ...SOURCE, total: 33 * MEBIBYTE });
    for (let at = 0; at < 33; at++) await partial.write(Buffer.alloc(MEBIBYTE));
    await partial.finish();
    expect(calls).toBe(name === 'sync' ? 0 : 1);
    const sealed = partial.seal();
    reached.open();
    await expect(sealed).rejects.toMatchObject({ code: 'EIO' });
    await partial.close();
    expect((await open(directory)).offset).toBe(0);
  },
);

it('keeps nothing that is left to truncate behind its end [K35]', async () => {
  const directory = place();
  const first = await open(directory);
  await first.begin(SOURCE);
  await first.write(randomBytes(1000));
  await first.close();
  truncateSync(join(directory, 'data'), 2000); // as a write behind one that was lost
  expect((await open(directory)).offset).toBe(1000);
  expect(statSync(join(directory, 'data')).size).toBe(1000);
});
