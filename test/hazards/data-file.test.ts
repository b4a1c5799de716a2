import {
  closeSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { acquireLock, acquireLockSync, withLock, withLockSync } from 'holdfast';
import { describe, expect, it, onTestFinished } from 'vitest';
import { native } from '../../src/binding/index.ts';
import { queueDirectory } from '../../src/engine/kernel/entry.ts';
import { systemCode } from '../../src/errors/base.ts';
import { fileResource } from '../../src/lock/resource.ts';
import { Agent } from '../support/agent.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

function dataFile(content = '{"roles":[]}\n'): string {
  const file = join(tempDirectory(), 'roles.json');
  writeFileSync(file, content, { mode: 0o640 });
  utimesSync(file, 1_000, 2_000);
  return file;
}

/** Whether anybody has opened the file since this call, as the kernel tells. */
function watchOpening(path: string): () => boolean {
  const IN_OPEN = 0x20;
  const libc = native().load(null);
  const fd: number = libc.func('int inotify_init1(int flags)')(constants.O_NONBLOCK);
  onTestFinished(() => closeSync(fd));
  const watch: number = libc.func('int inotify_add_watch(int, const char *, uint32_t)')(fd, path, IN_OPEN);
  expect(watch).toBeGreaterThan(0);
  return () => {
    try {
      return readSync(fd, Buffer.alloc(4096)) > 0;
    } catch (error) {
      if (systemCode(error) !== 'EAGAIN') throw error;
      return false;
    }
  };
}

describe('a data file', () => {
  it('is not touched by being locked: it is never opened, and its content, times, mode and inode stay [R58]', async () => {
    const file = dataFile();
    const before = statSync(file, { bigint: true });
    const isOpened = watchOpening(file);
    const [other] = await Agent.several(join(file, '..'), 1);

    for (const exclusive of [true, false]) await (await acquireLock(file, exclusive)).release();
    await withLock(file, async (lock) => {
      void lock.token;
      expect(await other.couldAcquire({ file })).toBe(false);
    });
    await other.acquire({ file });
    await other.kill();
    const lock = await acquireLock(file);
    expect(lock.recovered).toBe(true);
    await lock.release();

    expect(isOpened()).toBe(false);
    expect(statSync(file, { bigint: true })).toEqual(before); // before this test itself reads it
    expect(readFileSync(file, 'utf8')).toBe('{"roles":[]}\n');
    expect(isOpened()).toBe(true);
  });

  it('may be written by a program that knows no locks, and read by it, while it is locked [R58, C6]', async () => {
    const file = dataFile();
    const lock = await acquireLock(file);
    writeFileSync(file, '{"by":"another program"}');

    lock.assertHeld();

    expect(readFileSync(file, 'utf8')).toBe('{"by":"another program"}');
    await lock.release();
  });

  it('may be a directory, or not exist; nothing is made but the lock file [R58, R2, R12]', async () => {
    const base = tempDirectory();
    mkdirSync(join(base, 'directory'));

    for (const name of ['directory', 'missing']) {
      for (const exclusive of [true, false]) await (await acquireLock(join(base, name), exclusive)).release();
    }

    expect(readdirSync(base).sort()).toEqual(['.directory.lock', '.missing.lock', 'directory']);
    expect(readdirSync(join(base, 'directory'))).toEqual([]);
  });
});

describe('the simplest functions', () => {
  it('acquireLock locks exclusively unless it is told otherwise [R54, R4]', async () => {
    const file = dataFile();

    const writer = await acquireLock(file);
    expect(writer).toMatchObject({ mode: 'exclusive', resource: file, contract: 'kernel' });
    expect(writer.path).toBe(fileResource(file).path);
    await writer.release();
    const readers = [await acquireLock(file, false), await acquireLock(file, false)];
    expect(readers.map(({ mode }) => mode)).toEqual(['shared', 'shared']);
    for (const reader of readers) await reader.release();
    acquireLockSync(file).release();
    acquireLockSync(file, false).release();
  });

  it('withLock holds the lock while the operation runs, returns its result, and releases [R54, R9]', async () => {
    const file = dataFile();
    const [other] = await Agent.several(join(file, '..'), 1);

    const result = await withLock(file, async (lock) => {
      expect(await other.couldAcquire({ file })).toBe(false);
      lock.assertHeld();
      return 42;
    });

    expect(result).toBe(42);
    expect(withLockSync(file, ({ mode }) => mode)).toBe('exclusive');
    expect(await other.couldAcquire({ file })).toBe(true);
  });

  it('withLock releases when the operation throws, and passes its error on as it is [R54, C4, G15]', async () => {
    const file = dataFile();
    const error = new Error('the operation failed');

    await expect(
      withLock(file, () => {
        throw error;
      }),
    ).rejects.toBe(error);
    await expect(withLock(file, { mode: 'shared' }, () => Promise.reject(error))).rejects.toBe(error);
    expect(() =>
      withLockSync(file, () => {
        throw error;
      }),
    ).toThrow(error);

    await (await acquireLock(file)).release();
  });

  it('await using releases at the end of the block [R54, R9]', async () => {
    const file = dataFile();
    {
      await using lock = await acquireLock(file);
      lock.assertHeld();
    }
    {
      using lock = acquireLockSync(file);
      lock.assertHeld();
    }
    await (await acquireLock(file)).release();
  });
});

describe('the time a caller waits', () => {
  it('is nothing with timeout 0: a try that answers at once, and touches nothing [G11, C3]', async () => {
    const home = tempDirectory();
    const [holder] = await Agent.several(home, 1);
    const manager = locksIn(home);
    const { path } = await holder.acquire('mirror');
    const before = readFileSync(path);

    await expect(manager.acquire('mirror', { timeout: 0 })).rejects.toMatchObject({
      code: 'HOLDFAST_BUSY',
      waited: 0,
    });
    expect(await manager.tryAcquire('mirror')).toBeUndefined();
    expect(() => manager.acquireSync('mirror', { timeout: 0 })).toThrow(
      expect.objectContaining({ code: 'HOLDFAST_BUSY' }),
    );

    expect(readFileSync(path).equals(before)).toBe(true);
    const free = await manager.acquire('other', { timeout: 0 });
    await free.release();
  });

  it('is five seconds unless told otherwise, by the call or by the manager [G10, R5]', async () => {
    const home = tempDirectory();
    const [holder, patient, hasty] = await Agent.several(home, 3);
    await holder.acquire('mirror');
    await hasty.manage({ timeout: 60 });
    /** How long it was to wait, and how long it did. */
    const failure = (agent: Agent, options = {}) =>
      agent.run(async ({ manager, holdfast }, options) => {
        let asked = 0;
        const stop = holdfast.onLockEvent('requested', ({ timeout }) => {
          asked = timeout;
        });
        const wait = manager.acquire('mirror', options);
        stop();
        const waited = await wait.then(
          () => 0,
          (error: { waited: number }) => error.waited,
        );
        return { asked, isInTime: waited >= asked };
      }, options);

    const [byDefault, byManager] = await Promise.all([failure(patient), failure(hasty)]);
    const byCall = await failure(hasty, { timeout: 120 });

    expect([byDefault, byManager, byCall]).toEqual([
      { asked: 5_000, isInTime: true },
      { asked: 60, isInTime: true },
      { asked: 120, isInTime: true },
    ]);
  });

  it('leaves the holder and the other waiters undisturbed when it is over [R41]', async () => {
    const home = tempDirectory();
    const [holder, brief, patient] = await Agent.several(home, 3);
    await holder.acquire('mirror');
    await patient.wait('mirror', { timeout: 120_000, pollInterval: 60_000 });
    for (let round = 0; round < 5; round++) {
      await expect(brief.acquire('mirror', { timeout: 5 })).rejects.toMatchObject({
        code: 'HOLDFAST_TIMEOUT',
      });
    }

    await holder.run(({ locks }) => locks.lock?.assertHeld());
    await holder.release();

    await patient.granted();
    expect(await brief.couldAcquire('mirror')).toBe(false);
  });

  it('never ends in a grant after it ended otherwise: the lock stays free for others', async () => {
    const home = tempDirectory();
    const [holder, other] = await Agent.several(home, 2);
    const manager = locksIn(home);
    for (let round = 0; round < 30; round++) {
      await holder.acquire('mirror');
      const controller = new AbortController();
      const waits = [
        manager.acquire('mirror', { timeout: round % 7 }),
        manager.acquire('mirror', { signal: controller.signal, timeout: 120_000 }),
      ];
      const outcomes = Promise.allSettled(waits);
      const released = holder.release();
      controller.abort();
      await released;
      for (const outcome of await outcomes) {
        if (outcome.status === 'fulfilled') await outcome.value.release();
      }
      expect(await other.couldAcquire('mirror')).toBe(true);
    }
  });
});

describe('shared and exclusive', () => {
  it('exclude each other as they should, across processes [R4]', async () => {
    const home = tempDirectory();
    const [first, second, third] = await Agent.several(home, 3);

    await first.acquire('mirror', { mode: 'shared' });
    await second.acquire('mirror', { mode: 'shared' });
    expect(await third.couldAcquire('mirror')).toBe(false);
    expect(await third.couldAcquire('mirror', { mode: 'shared' })).toBe(true);
    const { state, holders } = await third.run(({ manager }) => manager.inspect('mirror'));
    expect(state).toBe('shared');
    expect(new Set(holders.map(({ pid }) => pid))).toEqual(new Set([first.pid, second.pid]));

    await third.wait('mirror', { timeout: 120_000, pollInterval: 60_000 });
    await first.release();
    await second.release();
    await third.granted();
    expect(await first.couldAcquire('mirror', { mode: 'shared' })).toBe(false);
    await first.wait('mirror', { mode: 'shared', timeout: 120_000, pollInterval: 60_000 });
    await second.wait('mirror', { mode: 'shared', timeout: 120_000, pollInterval: 60_000 });
    await third.release();
    await first.granted();
    await second.granted();
  });

  it('a shared holder that is killed makes way, and its mark goes with it [R10, R45]', async () => {
    const home = tempDirectory();
    const [reader, writer] = await Agent.several(home, 2);
    const { path } = await reader.acquire('mirror', { mode: 'shared' });
    expect(readdirSync(queueDirectory(path))).toHaveLength(1);
    await writer.wait('mirror', { timeout: 120_000, pollInterval: 60_000 });

    await reader.kill();

    await writer.granted();
    const { holders } = await writer.run(({ manager }) => manager.inspect('mirror'));
    expect(holders.map(({ pid }) => pid)).toEqual([writer.pid]);
    expect(readdirSync(join(path, '..'))).toHaveLength(1);
  });
});
