import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { acquireLock, acquireLockSync, BusyError, withLock, withLockSync } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { fileResource } from '../../src/lock/resource.ts';
import { Agent } from '../support/agent.ts';
import { asUser, Child } from '../support/child.ts';
import { heard } from '../support/events.ts';
import { newPlace } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { staysOpen } from '../support/turns.ts';

const newFile = () => join(tempDirectory(), 'roles.json');

describe('the simple functions', () => {
  it('lock a file by its path, exclusively unless told otherwise, with a lock file beside it [R54, R2]', async () => {
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

  it('exclude other processes that lock the same file in whatever way [R54, C2]', async () => {
    const { home } = newPlace();
    const agent = await Agent.start({ home });
    const file = join(home, 'roles.json');

    await withLock(file, async () => {
      expect(await agent.couldAcquire({ file })).toBe(false);
    });
    await agent.acquire({ file });
    await expect(withLock(file, { timeout: 0 }, () => {})).rejects.toBeInstanceOf(BusyError);
    const wait = acquireLock(file);
    expect(await staysOpen(wait)).toBe(true);
    await agent.release();
    await (await wait).release();
  });

  it('never let two programs write over each other: 4 processes, 200 updates, none lost [R54, R77]', async () => {
    const { home } = newPlace();
    const file = join(home, 'counter.json');
    writeFileSync(file, '{"count":0}');
    const agents = await Agent.several(home, 4);

    await Promise.all(
      agents.map((agent) =>
        agent.run(async ({ holdfast, fs }, file) => {
          for (let n = 0; n < 50; n++) {
            await holdfast.withLock(file, { timeout: 30_000 }, async () => {
              const { count } = JSON.parse(fs.readFileSync(file, 'utf8'));
              await new Promise((resolve) => setImmediate(resolve));
              fs.writeFileSync(file, JSON.stringify({ count: count + 1 }));
            });
          }
        }, file),
      ),
    );

    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ count: 200 });
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

  it('leaves a plain JSON file to other programs, which read, write and replace it as ever [R58]', async () => {
    const file = newFile();
    writeFileSync(file, '{"roles":[]}');
    const lock = await acquireLock(file);
    const script = `import json, os, sys
path = sys.argv[1]
roles = json.load(open(path))
roles['roles'].append('added by another program')
json.dump(roles, open(path + '.new', 'w'))
os.replace(path + '.new', path)`;

    const { code } = await new Child('python3', ['-c', script, file]).finish();

    expect(code).toBe(0);
    lock.assertHeld();
    await lock.release();
    const roles = await withLock(file, () => JSON.parse(readFileSync(file, 'utf8')));
    expect(roles).toEqual({ roles: ['added by another program'] });
  });

  it('stays the same lock when the data file is replaced, removed or made [R58, H7]', async () => {
    const { home } = newPlace();
    const agent = await Agent.start({ home });
    const file = join(home, 'roles.json');
    const lock = await acquireLock(file);

    for (const change of [
      () => writeFileSync(file, 'made'),
      () => {
        writeFileSync(`${file}.new`, 'replaced');
        renameSync(`${file}.new`, file);
      },
      () => renameSync(file, `${file}.away`),
    ]) {
      change();
      expect(await agent.couldAcquire({ file })).toBe(false);
      lock.assertHeld();
    }

    await lock.release();
  });

  it('leaves nothing behind but its empty-handed lock file [R12]', async () => {
    const file = newFile();
    writeFileSync(file, '{}');
    await Promise.all([withLock(file, () => {}), withLock(file, { mode: 'shared' }, () => {})]);

    expect(readdirSync(dirname(file)).sort()).toEqual(['.roles.json.lock', 'roles.json']);
    const record = readFileSync(fileResource(file).path, 'latin1');
    expect(record).toContain('state free');
    expect(record).not.toMatch(/^pid /m);
  });

  it.each([0o600, 0o640, 0o664, 0o666])(
    'may be used by whoever may use the data file: mode %o is taken over [R65]',
    async (mode) => {
      const file = newFile();
      writeFileSync(file, '{}');
      chmodSync(file, mode);

      await withLock(file, ({ path }) => {
        expect(statSync(path).mode & 0o777).toBe(mode);
      });
    },
  );

  it('belongs to the owner of the data file when root makes it [R65, C2]', async () => {
    expect(process.getuid?.(), 'these tests run as root').toBe(0);
    const { home } = newPlace();
    const file = join(home, 'data/roles.json');
    mkdirSync(dirname(file));
    writeFileSync(file, '{}');
    chmodSync(file, 0o600);
    for (const path of [dirname(file), file]) chownSync(path, 65_534, 65_534);

    const { path } = await acquireLock(file).then((lock) => lock.release().then(() => lock));
    expect(statSync(path)).toMatchObject({ uid: 65_534, gid: 65_534 });
    const through = asUser(65534);
    const nobody = await Agent.start({ home, through });

    expect((await nobody.acquire({ file })).degraded).toEqual([]);
    await expect(withLock(file, { timeout: 0 }, () => {})).rejects.toBeInstanceOf(BusyError);
  });

  it('never gives a lock file more rights than to read and write, nor less than its owner needs [R65]', async () => {
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

  it('makes missing directories as they would be made for the data [G13]', async () => {
    const file = join(tempDirectory(), 'not/yet/there/roles.json');

    await withLock(file, ({ path }) => expect(existsSync(path)).toBe(true));

    expect(statSync(dirname(file)).mode & 0o777).toBe(0o777 & ~process.umask());
  });
});
