import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BusyError, Lock, LockManager } from 'holdfast';
import { describe, expect, it, onTestFinished } from 'vitest';
import { heard } from '../support/events.ts';
import { newLocks } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { staysOpen } from '../support/turns.ts';

describe('a manager', () => {
  it('touches nothing before its first acquisition, whatever else it is asked', async () => {
    const directory = join(tempDirectory(), 'deep', 'locks');
    const locks = new LockManager({ directory });

    expect(locks.list()).toEqual([]);
    expect(locks.query()).toEqual({ held: [], pending: [] });
    expect(locks.inspect('mirror')).toMatchObject({ state: 'free', holders: [] });
    await locks.untilFree('mirror');
    expect(locks.pathOf('mirror').startsWith(directory)).toBe(true);
    locks.close();

    expect(existsSync(join(directory, '..'))).toBe(false);
  });

  it('makes missing parent directories of a lock, for its user alone [G13]', async () => {
    const directory = join(tempDirectory(), 'deep', 'locks');
    const lock = await new LockManager({ directory }).acquire('mirror');

    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(lock.path).mode & 0o777).toBe(0o600);
    await lock.release();
  });

  it('keeps its locks in HOLDFAST_HOME, XDG_STATE_HOME or the home directory, looked up when it is asked', () => {
    const { HOLDFAST_HOME, XDG_STATE_HOME, HOME } = process.env;
    onTestFinished(() => {
      for (const [name, value] of Object.entries({ HOLDFAST_HOME, XDG_STATE_HOME, HOME })) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    });
    const locks = () => new LockManager().directory;
    Object.assign(process.env, { HOLDFAST_HOME: '/own', XDG_STATE_HOME: '/state', HOME: '/home/me' });

    expect(locks()).toBe('/own/locks');
    delete process.env.HOLDFAST_HOME;
    expect(locks()).toBe('/state/holdfast/locks');
    delete process.env.XDG_STATE_HOME;
    expect(locks()).toBe('/home/me/.local/state/holdfast/locks');
  });
});

describe('acquire', () => {
  it('gives a lock that tells what it is [F1]', async () => {
    const locks = newLocks();
    const lock = await locks.acquire('mirror', { mode: 'shared' });

    expect(lock).toBeInstanceOf(Lock);
    expect(lock).toMatchObject({
      resource: 'mirror',
      path: locks.pathOf('mirror'),
      mode: 'shared',
      contract: 'kernel',
      recovered: false,
      degraded: [],
    });
    await lock.release();
    const alone = await locks.acquire('mirror');
    expect(alone.mode).toBe('exclusive');
    await alone.release();
  });

  it('waits for one that this thread holds, and gets it on its release [R9]', async () => {
    const locks = newLocks();
    const first = await locks.acquire('mirror');
    const second = locks.acquire('mirror');
    expect(await staysOpen(second)).toBe(true);

    void first.release();

    await (await second).release();
  });
});

describe('tryAcquire', () => {
  it('does not pass those of this thread that wait already [R7]', async () => {
    const locks = newLocks();
    const reader = await locks.acquire('mirror', { mode: 'shared' });
    const writer = locks.acquire('mirror');

    expect(await locks.tryAcquire('mirror', { mode: 'shared' })).toBe(undefined);

    await reader.release();
    await (await writer).release();
  });

  it('is `timeout: 0` without the error [G11, C3]', async () => {
    const locks = newLocks();
    const lock = await locks.acquire('mirror');

    await expect(locks.acquire('mirror', { timeout: 0 })).rejects.toBeInstanceOf(BusyError);
    expect(() => locks.acquireSync('mirror', { timeout: 0 })).toThrow(BusyError);
    expect(await locks.tryAcquire('mirror')).toBe(undefined);

    await lock.release();
  });
});

describe('with', () => {
  it('holds the lock while the body runs, gives its result and releases [R9]', async () => {
    const locks = newLocks();

    const result = await locks.with('mirror', async (lock) => {
      lock.assertHeld();
      expect(locks.inspect('mirror').state).toBe('exclusive');
      return 42;
    });

    expect(result).toBe(42);
    expect(locks.inspect('mirror').state).toBe('free');
    expect(await locks.with('mirror', () => 'synchronous')).toBe('synchronous');
  });

  it('passes its options on to the acquisition', async () => {
    const locks = newLocks();
    const requests = heard('requested');

    await locks.with('mirror', { mode: 'shared', timeout: 123, purpose: 'look' }, (lock) => {
      expect(lock.mode).toBe('shared');
    });

    expect(requests).toMatchObject([{ timeout: 123, purpose: 'look' }]);
  });

  it.each(['throws', 'rejects'])(
    'releases when the body %s, and passes its error on [C4, G15]',
    async (how) => {
      const locks = newLocks();
      const failure = new Error('disk on fire');

      const run = locks.with('mirror', () => {
        if (how === 'throws') throw failure;
        return Promise.reject(failure);
      });

      await expect(run).rejects.toBe(failure);
      await (await locks.acquire('mirror', { timeout: 0 })).release();
    },
  );

  it('does not run the body when the lock is not granted [C3]', async () => {
    const locks = newLocks();
    const lock = await locks.acquire('mirror');
    let ran = false;

    const run = locks.with('mirror', { timeout: 0 }, () => {
      ran = true;
    });

    await expect(run).rejects.toBeInstanceOf(BusyError);
    expect(ran).toBe(false);
    await lock.release();
  });

  it('may release early, and then its end changes nothing for the next holder [F9]', async () => {
    const locks = newLocks();

    const successor = await locks.with('mirror', (lock) => {
      void lock.release();
      return locks.acquire('mirror');
    });

    successor.assertHeld();
    expect(await locks.tryAcquire('mirror')).toBe(undefined);
    await successor.release();
  });
});

describe('untilFree', () => {
  it('rejects with the reason of its signal, then and at once, never by throwing', async () => {
    const locks = newLocks();
    const lock = await locks.acquire('mirror');
    const abort = new AbortController();
    const free = locks.untilFree('mirror', { signal: abort.signal });
    const reason = new Error('no more');

    abort.abort(reason);

    await expect(free).rejects.toBe(reason);
    const late = locks.untilFree('mirror', { signal: abort.signal }).catch((error) => error);
    expect(await late).toBe(reason);
    await lock.release();
  });

  it('keeps no timer, and so no process, once its signal aborted', async () => {
    const locks = newLocks();
    const lock = await locks.acquire('mirror');
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const abort = new AbortController();
    const free = locks.untilFree('mirror', { signal: abort.signal });
    expect(timers()).toBe(before + 1);

    abort.abort();

    expect(timers()).toBe(before);
    await expect(free).rejects.toMatchObject({ name: 'AbortError' });
    await lock.release();
  });
});
