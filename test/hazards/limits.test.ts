import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lock } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent, type Remote } from '../support/agent.ts';
import { descriptors, untilWatching } from '../support/counting.ts';
import { within } from '../support/deadline.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

describe('a process without a free descriptor', () => {
  const useUpDescriptors = ({ fs, values }: Remote) => {
    const open: number[] = [];
    values.open = open;
    try {
      for (;;) open.push(fs.openSync('/dev/null', 'r'));
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  };
  const closeThem = ({ fs, values }: Remote) => {
    for (const fd of values.open as number[]) fs.closeSync(fd);
  };

  it('gets an ExhaustedError, and the lock as soon as there is one again [H23]', async () => {
    const home = tempDirectory();
    const agent = await Agent.start({ home, through: ['prlimit', '--nofile=200'] });
    await agent.acquire('mirror');
    await agent.release();
    expect(await agent.run(useUpDescriptors)).toBe('EMFILE');

    for (const mode of ['exclusive', 'shared'] as const) {
      await expect(agent.acquire('mirror', { mode })).rejects.toMatchObject({
        code: 'HOLDFAST_EXHAUSTED',
        message: expect.stringContaining('EMFILE'),
      });
    }

    await agent.run(closeThem);
    await agent.acquire('mirror');
  });

  it('gets that error from its first acquisition too, and can repeat it [H23]', async () => {
    const home = tempDirectory();
    const agent = await Agent.start({ home, through: ['prlimit', '--nofile=200'] });
    expect(await agent.run(useUpDescriptors)).toBe('EMFILE');

    await expect(agent.acquire('mirror')).rejects.toMatchObject({
      code: 'HOLDFAST_EXHAUSTED',
      message: expect.stringContaining('EMFILE'),
    });

    await agent.run(closeThem);
    await agent.acquire('mirror');
  });

  it('gets that error when the first thing it does is to wait until a lock is free [H23]', async () => {
    const home = tempDirectory();
    const [holder] = await Agent.several(home, 1);
    await holder.acquire('mirror');
    const agent = await Agent.start({ home, through: ['prlimit', '--nofile=200'] });
    expect(await agent.run(useUpDescriptors)).toBe('EMFILE');

    const watch = agent.run(({ manager }) => manager.untilFree('mirror'));
    await expect(watch).rejects.toMatchObject({ code: 'HOLDFAST_EXHAUSTED' });
    await agent.run(closeThem);
  });

  it('is told that a cache cannot be looked into, and not that an entry is missing [H23]', async () => {
    const home = tempDirectory();
    const agent = await Agent.start({ home, through: ['prlimit', '--nofile=200'] });
    await agent.run(
      async ({ cache, fs, values }: Remote, directory: string) => {
        const opened = await cache.openCache(directory);
        await opened.fetch('corpus', async ({ temp }) => fs.writeFileSync(temp, 'words'));
        values.cache = opened;
      },
      join(home, 'cache'),
    );
    expect(await agent.run(useUpDescriptors)).toBe('EMFILE');

    const ends = await agent.run(async ({ values }: Remote) => {
      const opened = values.cache as import('holdfast/cache').Cache;
      const again = () => Promise.reject(new Error('it was fetched again'));
      const calls = [
        async () => opened.peek('corpus')?.size,
        () => opened.fetch('corpus', again, { policy: 'never' }),
        () => opened.fetch('corpus', again),
        () => opened.open('corpus'),
        () => opened.verify(),
      ];
      const ended = await Promise.allSettled(calls.map((call) => call()));
      return ended.map((end) => (end.status === 'rejected' ? end.reason.code : end.value));
    });

    expect(ends).toEqual(['EMFILE', 'EMFILE', 'EMFILE', 'EMFILE', 'EMFILE']);
    await agent.run(closeThem);
  });

  it('goes on waiting with the descriptor it has [H23]', async () => {
    const home = tempDirectory();
    const [holder] = await Agent.several(home, 1);
    const agent = await Agent.start({ home, through: ['prlimit', '--nofile=200'] });
    await holder.acquire('mirror');
    await agent.wait('mirror', { timeout: 120_000 });
    expect(await agent.run(useUpDescriptors)).toBe('EMFILE');

    await holder.release();

    await agent.granted();
  });
});

describe.each([
  ['instances', 'EMFILE'],
  ['watches', 'ENOSPC'],
])('a user whose inotify %s are used up', (what, code) => {
  // In a user namespace of its own, where root can set this user's limit without touching anybody else's.
  const through = [
    'unshare',
    '--user',
    '--map-root-user',
    'sh',
    '-c',
    `echo 0 > /proc/sys/user/max_inotify_${what} && exec strace -e trace=flock -o "$0" "$@"`,
  ];

  it('waits by timer instead, says so once, and gets the lock [H23]', async () => {
    const home = tempDirectory();
    const trace = join(home, 'flocks');
    writeFileSync(trace, '');
    const [holder] = await Agent.several(home, 1);
    const waiter = await Agent.start({ home, through: [...through, trace] });
    await holder.acquire('mirror');
    await waiter.run(({ holdfast, values }) => {
      const seen: unknown[] = [];
      values.seen = seen;
      holdfast.onLockEvent('degraded', ({ degradation }) => seen.push(degradation));
    });

    await waiter.wait('mirror', { timeout: 120_000 });
    const tries = () => holder.run(({ fs }, path) => fs.readFileSync(path, 'utf8').split('\n').length, trace);
    for (const first = await tries(); (await tries()) < first + 8; );
    await holder.release();
    await waiter.granted();

    const seen = await waiter.run(({ values }) => values.seen);
    expect(seen).toEqual([
      { reason: 'no-events', path: expect.any(String), detail: expect.stringContaining(code) },
    ]);
  });
});

it('leaves no descriptor open after a thousand acquisitions of every outcome [H23]', async () => {
  const home = tempDirectory();
  const [holder, agent] = await Agent.several(home, 2);
  await holder.acquire('busy');
  const foreign = locksIn(home).pathOf('foreign');
  writeFileSync(foreign, 'precious');
  mkdirSync(locksIn(home).pathOf('directory'));

  const everyOutcome = async ({ manager, holdfast }: Remote, rounds: number) => {
    const strict = new holdfast.LockManager({ strict: true });
    const outcomes: Record<string, number> = {};
    const count = async (attempt: Promise<Lock | undefined>) => {
      let outcome = 'granted';
      try {
        const lock = await attempt;
        if (lock === undefined) outcome = 'undefined';
        await lock?.release();
      } catch (error) {
        outcome = (error as { code?: string }).code ?? String(error);
      }
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    };
    for (let round = 0; round < rounds; round++) {
      await count(manager.acquire('free'));
      await count(manager.acquire('free', { mode: 'shared' }));
      await count(manager.tryAcquire('busy'));
      await count(manager.acquire('busy', { timeout: 0 }));
      await count(manager.acquire('busy', { timeout: 1 }));
      await count(manager.acquire('busy', { mode: 'shared', timeout: 1 }));
      await count(manager.acquire('directory'));
      await count(strict.acquire('foreign'));
      const controller = new AbortController();
      const aborted = manager.acquire('busy', { signal: controller.signal, timeout: 120_000 });
      if (round % 2 === 0) controller.abort('stop');
      else setImmediate(() => controller.abort('stop'));
      await count(aborted);
      manager.inspect('busy');
      manager.query();
    }
    return outcomes;
  };

  await agent.run(everyOutcome, 2);
  const before = await agent.run(descriptors);
  const outcomes = await agent.run(everyOutcome, 112);

  expect(await agent.run(descriptors)).toBe(before);
  expect(outcomes).toEqual({
    granted: 224,
    undefined: 112,
    HOLDFAST_BUSY: 112,
    HOLDFAST_TIMEOUT: 224,
    HOLDFAST_REFUSED: 112,
    HOLDFAST_DEGRADED: 112,
    stop: 112,
  });
  expect(await agent.couldAcquire('busy')).toBe(false);
});

describe('two hundred waiters in one process with a thread pool of one', () => {
  async function manyWaiters() {
    const home = tempDirectory();
    const [holder] = await Agent.several(home, 1);
    const agent = await Agent.start({ home, env: { UV_THREADPOOL_SIZE: '1' } });
    await holder.run(async ({ manager, locks }) => {
      for (let i = 0; i < 200; i++) locks[i] = await manager.acquire(`lock ${i}`);
    });
    await agent.run(({ manager, waits }) => {
      for (let i = 0; i < 200; i++) {
        waits[i] = manager.acquire(`lock ${i}`, { timeout: Number.POSITIVE_INFINITY });
        waits[i]?.catch(() => {});
      }
    });
    await untilWatching(agent, 200);
    expect(await agent.run(({ manager }) => manager.query().pending.length)).toBe(200);
    return { holder, agent };
  }

  it('keep neither fs nor anything else of the pool from working [H23]', async () => {
    const { agent, holder } = await manyWaiters();

    const work = agent.run(
      async ({ fs }, self) => {
        const content = await fs.promises.readFile(self, 'utf8');
        return content.length;
      },
      import.meta.filename,
    );

    expect(await within(work, 'reading a file while 200 wait')).toBeGreaterThan(1000);
    await holder.run(({ locks }) => Object.values(locks).map((lock) => lock.release()));
    await agent.run(({ waits }) => Promise.all(Object.values(waits)).then(() => {}));
  });

  it('do not keep the process from exiting at once [H23]', async () => {
    const { agent } = await manyWaiters();

    agent.child.say(JSON.stringify({ id: -1, body: '() => process.exit(17)', args: [] }));

    expect(await agent.child.exits()).toMatchObject({ code: 17 });
  });
});

it('opens no socket, for holding or for waiting: there is nothing to talk to [R67]', async () => {
  const home = tempDirectory();
  const [holder, waiter] = await Agent.several(home, 2);
  const sockets = ({ fs }: Remote) =>
    fs.readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
      } catch {
        return false;
      }
    }).length;
  const before = await Promise.all([holder.run(sockets), waiter.run(sockets)]);

  await holder.acquire('mirror');
  await waiter.wait('mirror', { timeout: 120_000 });
  await untilWatching(waiter);

  expect(await Promise.all([holder.run(sockets), waiter.run(sockets)])).toEqual(before);
  await holder.release();
  await waiter.granted();
});

it('waits without burning the processor: some dozens of tries in a second, not thousands [R73]', async () => {
  const home = tempDirectory();
  const [holder] = await Agent.several(home, 1);
  const waiter = await Agent.start({ home, env: { NODE_DEBUG: 'holdfast' } });
  await holder.acquire('mirror');
  await waiter.wait('mirror', { timeout: 60_000 });
  await waiter.run(async ({ passTime }) => {
    await passTime(1_000);
    process.stderr.write('a second has passed\n');
  });
  await waiter.child.says(/a second has passed/, 'stderr');

  const tries = waiter.child.stderr.match(/is held by somebody else/g)?.length;
  expect(tries).toBeGreaterThan(2);
  expect(tries).toBeLessThan(100);
  await holder.release();
  await waiter.granted();
});
