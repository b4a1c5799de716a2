import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { acquireLock, acquireLockSync, LockManager, withLock, withLockSync } from 'holdfast';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nestedPath } from '../../src/engine/nested.ts';
import { fallbackResource, fileResource } from '../../src/lock/resource.ts';
import { heard } from '../support/events.ts';
import { tempDirectory } from '../support/temp.ts';

const newFile = () => join(tempDirectory(), 'roles.json');

describe('the simple functions', () => {
  it('lock a file by its path, exclusively unless told otherwise, with a lock file beside it [R54]', async () => {
    const file = newFile();
    const requests = heard('requested');

    const lock = await acquireLock(file);
    expect(lock).toMatchObject({
      resource: file,
      mode: 'exclusive',
      path: fileResource(file).path,
    });
    await lock.release();
    const [one, two] = [await acquireLock(file, false), await acquireLock(file, false)];
    expect([one.mode, two.mode]).toEqual(['shared', 'shared']);
    await Promise.all([one.release(), two.release()]);
    const sync = acquireLockSync(file);
    expect(sync.mode).toBe('exclusive');
    await sync.release();
    void acquireLockSync(file, false).release();

    expect(requests.map(({ timeout }) => timeout)).toEqual([5_000, 5_000, 5_000, 5_000, 5_000]);
  });

  it('run an operation while the file is locked, and release however it ends [R54, R9, C4]', async () => {
    const file = newFile();

    expect(await withLock(file, async (lock) => lock.path)).toBe(fileResource(file).path);
    expect(await withLock(file, { mode: 'shared', timeout: 0 }, ({ mode }) => mode)).toBe('shared');
    expect(withLockSync(file, ({ mode }) => mode)).toBe('exclusive');
    await expect(withLock(file, () => Promise.reject(new Error('disk on fire')))).rejects.toThrow('on fire');
    const busy = withLock(file, () => withLock(file, { timeout: 0 }, () => {}));
    await expect(busy).rejects.toMatchObject({ code: 'HOLDFAST_DEADLOCK' });

    await (await acquireLock(file)).release();
  });
});

describe('the lock of a data file', () => {
  it('neither needs, makes nor touches the data file [R58]', async () => {
    const file = newFile();
    await withLock(file, () => {});
    expect(existsSync(file)).toBe(false);

    writeFileSync(file, '{"roles":["admin"]}');
    const before = statSync(file, { bigint: true });
    await withLock(file, () => {});

    expect(statSync(file, { bigint: true })).toEqual(before);
    expect(readFileSync(file, 'utf8')).toBe('{"roles":["admin"]}');
  });

  it('leaves nothing behind but its lock file, which names nobody [R12, R2]', async () => {
    const file = newFile();
    writeFileSync(file, '{}');
    await Promise.all([withLock(file, () => {}), withLock(file, { mode: 'shared' }, () => {})]);

    expect(readdirSync(dirname(file)).sort()).toEqual(['.roles.json.lock', 'roles.json']);
    const record = readFileSync(fileResource(file).path, 'latin1');
    expect(record).toContain('state free');
    expect(record).not.toMatch(/^pid /m);
  });

  it.each([0o600, 0o640, 0o664, 0o666])(
    'may be used by whoever may use the data file: mode %o is taken over [R69]',
    async (mode) => {
      const file = newFile();
      writeFileSync(file, '{}');
      chmodSync(file, mode);

      await withLock(file, ({ path }) => {
        expect(statSync(path).mode & 0o777).toBe(mode);
      });
    },
  );

  it('never gives a lock file more rights than to read and write, nor less than its owner needs [R69]', async () => {
    const file = newFile();
    writeFileSync(file, '#!/bin/sh\n');
    chmodSync(file, 0o555);

    await withLock(file, ({ path }) => {
      expect(statSync(path).mode & 0o7777).toBe(0o644);
    });
  });

  it('has a file name of its own where the plain one would be too long [H20, G17]', async () => {
    const directory = tempDirectory();
    const files = ['a', 'b'].map((end) => join(directory, `${'x'.repeat(250)}${end}`));
    const locks = await Promise.all(files.map((file) => acquireLock(file)));

    const names = locks.map(({ path }) => basename(path));
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^\.x{40}~[0-9a-f]{20}\.lock$/);
    for (const lock of locks) await lock.release();
  });

  it('and all names that are derived from it fit everywhere, by one rule that asks no file system [G17, X47]', () => {
    for (let length = 1; length <= 255; length++) {
      const { path } = fileResource(
        join(
          tmpdir(),
          'é'
            .repeat(length / 2)
            .padEnd(length, 'x')
            .slice(0, length),
        ),
      );
      const names = [path, nestedPath(path), nestedPath(nestedPath(path))].map((each) => basename(each));
      for (const name of names) expect(Buffer.byteLength(`${name}.permits`)).toBeLessThanOrEqual(143);
    }
    const longest = (length: number) => basename(fileResource(`/data/${'x'.repeat(length)}`).path);
    expect([longest(129), longest(130)]).toEqual([`.${'x'.repeat(129)}.lock`, expect.stringContaining('~')]);
  });

  it('is one of its own in a fallback directory, too, whatever other files there are by its name [C5]', () => {
    const [home, fallback] = [tempDirectory(), tempDirectory()];
    const lockOf = (file: string) => fallbackResource(fileResource(join(home, file)), fallback).path;
    const names = ['a/roles.json', 'b/roles.json', 'b/../a/roles.json'].map((file) => basename(lockOf(file)));

    expect(names).toEqual([names[0], expect.not.stringMatching(`^${names[0]}$`), names[0]]);
    for (const name of names) expect(name).toMatch(/^roles\.json~[0-9a-f]{20}\.lock$/);
  });

  it('makes missing directories as they would be made for the data [G13]', async () => {
    const file = join(tempDirectory(), 'not/yet/there/roles.json');

    await withLock(file, ({ path }) => expect(existsSync(path)).toBe(true));

    expect(statSync(dirname(file)).mode & 0o777).toBe(0o777 & ~process.umask());
  });
});

describe('a working directory that was removed', () => {
  const former = process.cwd();
  beforeEach(() => {
    const gone = tempDirectory();
    process.chdir(gone);
    rmSync(gone, { recursive: true });
  });
  afterEach(() => process.chdir(former));

  it('makes a relative path an InputError that says so, and disturbs no other [R54]', async () => {
    const wanted = { code: 'HOLDFAST_INPUT', message: expect.stringContaining('working directory') };

    await expect(acquireLock('roles.json')).rejects.toMatchObject(wanted);
    expect(() => new LockManager({ directory: 'locks' })).toThrow(expect.objectContaining(wanted));
    await (await acquireLock(newFile())).release();
  });
});
