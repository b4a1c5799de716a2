import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BusyError, Lock, LockManager } from 'holdfast';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Agent } from '../support/agent.ts';
import { heard } from '../support/events.ts';
import { newLocks, newPlace } from '../support/place.ts';
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

  it('derives the same lock file from the same name, everywhere, and another one from another [G17]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const names = ['mirror', 'Mirror', 'mirror ', 'a/b', 'a-b', 'a b', 'ü', '', '..', '.', 'x'.repeat(300)];
    const paths = names.filter((name) => name !== '').map((name) => locks.pathOf(name));

    const there = await agent.run(
      ({ manager }, names) => names.map((name) => manager.pathOf(name)),
      names.filter((name) => name !== ''),
    );

    expect(there).toEqual(paths);
    expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(paths.length);
    expect(locks.pathOf({ name: 'mirror' })).toBe(locks.pathOf('mirror'));
    expect(locks.pathOf('mirror')).toMatch(/\/mirror~[0-9a-f]{20}\.lock$/);
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

  it('waits for one that this thread holds, and gets it on its release [C1, R9]', async () => {
    const locks = newLocks();
    const first = await locks.acquire('mirror');
    const second = locks.acquire('mirror');
    expect(await staysOpen(second)).toBe(true);

    void first.release();

    await (await second).release();
  });

  it('waits for one that another process holds, and gets it on its release [C2, R9]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror');
    const lock = locks.acquire('mirror');
    expect(await staysOpen(lock)).toBe(true);

    await agent.release();

    await (await lock).release();
  });

  it('tells of the wait once, with holder and place in line [R8, R82]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror', { purpose: 'nightly save' });
    const waits = heard('waiting');

    const [first, second] = [locks.acquire('mirror'), locks.acquire('mirror')];
    await agent.release();
    await (await first).release();
    await (await second).release();

    expect(waits.map(({ position }) => position)).toEqual([1, 2]);
    expect(waits[0]?.holders).toMatchObject([{ pid: agent.pid, purpose: 'nightly save' }]);
  });

  it('keeps one descriptor, however many wait [H23]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror');
    const abort = new AbortController();
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const first = locks.acquire('mirror', { signal: abort.signal });
    await staysOpen(first);
    const before = descriptors();

    const others = Array.from({ length: 100 }, () => locks.acquire('mirror', { signal: abort.signal }));
    await staysOpen(first);
    const after = descriptors();
    abort.abort(new Error('enough'));
    await Promise.allSettled([first, ...others]);

    expect(after).toBe(before);
  });

  it('can be told the lock is recovered, and tells of it once [R10, R45]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror', { purpose: 'half-done' });
    const recoveries = heard('recovered');
    const wait = locks.acquire('mirror');
    await agent.kill();

    const lock = await wait;
    expect(lock.recovered).toBe(true);
    await lock.release();
    const after = await locks.acquire('mirror');
    expect(after.recovered).toBe(false);
    await after.release();

    expect(recoveries.map(({ previous }) => previous)).toMatchObject([
      { pid: agent.pid, purpose: 'half-done' },
    ]);
  });
});

describe('tryAcquire', () => {
  it('gives a lock that is free and undefined for one that is not, without a wait [G11, R4]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const waits = heard('waiting');
    await agent.acquire('mirror', { mode: 'shared' });

    expect(await locks.tryAcquire('mirror')).toBe(undefined);
    const shared = await locks.tryAcquire('mirror', { mode: 'shared' });
    expect(shared?.mode).toBe('shared');
    expect(await locks.tryAcquire('mirror')).toBe(undefined);
    void shared?.release();
    await agent.release();

    const lock = await locks.tryAcquire('mirror');
    expect(lock?.mode).toBe('exclusive');
    await lock?.release();
    expect(waits).toEqual([]);
  });

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
  it('holds the lock while the body runs, gives its result and releases [R9, G15]', async () => {
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

  it('does not run the body when the lock is not to be had [C3]', async () => {
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
  it('resolves when another process releases, and takes nothing [A12]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror');
    const free = locks.untilFree('mirror');
    expect(await staysOpen(free)).toBe(true);

    await agent.release();
    await free;

    expect(locks.inspect('mirror').state).toBe('free');
  });

  it('rejects with the reason of its signal, then and at once, never by throwing [A15]', async () => {
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
});
