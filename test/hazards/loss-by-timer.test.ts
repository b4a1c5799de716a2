import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { slotPath } from '../../src/engine/file/permits.ts';
import { Agent, type Remote } from '../support/agent.ts';
import { fixture } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';

/** A process whose user has used inotify up, in a user namespace of its own: nobody else's limit changes. */
function withoutEvents(home: string, what: 'instances' | 'watches'): Promise<Agent> {
  const program = `echo 0 > /proc/sys/user/max_inotify_${what} && exec "$0" "$@"`;
  return Agent.start({ home, through: ['unshare', '--user', '--map-root-user', 'sh', '-c', program] });
}

/** For `Agent.run`: notes what is told of degradations, and which timers there are that look for a loss. */
const observe = ({ holdfast, values }: Remote) => {
  const seen: unknown[] = [];
  const looking = new Map<number, object>();
  Object.assign(values, { seen, looking });
  holdfast.onLockEvent('degraded', ({ degradation }) => seen.push(degradation));
  const { createHook } = process.getBuiltinModule('node:async_hooks');
  createHook({
    init: (id, type, _, resource) => {
      if (type === 'Timeout' && '_repeat' in resource && resource._repeat === 250) looking.set(id, resource);
    },
    destroy: (id) => looking.delete(id),
  }).enable();
};

/** For `Agent.run`: asks for the signal of the lock, twice, and has its abort told. */
const listen = ({ locks, values, tell }: Remote) => {
  const lock = locks.lock as NonNullable<typeof locks.lock>;
  for (const signal of [lock.signal, lock.signal]) expectAlive(signal);
  lock.signal.addEventListener('abort', () => tell(`lost: ${lock.signal.reason.reason}`));
  return {
    seen: values.seen as unknown[],
    degraded: lock.degraded,
    refs: [...(values.looking as Map<number, NodeJS.Timeout>).values()].map((timer) => timer.hasRef()),
  };

  function expectAlive({ aborted }: AbortSignal) {
    if (aborted) throw new Error('The lock was lost too early.');
  }
};

/** For `Agent.run`: how many timers look for a loss. */
const looking = ({ values }: Remote) => (values.looking as Map<number, unknown>).size;

const replace = (path: string) => {
  writeFileSync(`${path}.another`, '');
  renameSync(`${path}.another`, path);
};

it.each([
  ['an exclusive lock', 'instances', 'EMFILE', {}, replace],
  ['an exclusive lock', 'watches', 'ENOSPC', {}, replace],
  ['a shared lock', 'watches', 'ENOSPC', { mode: 'shared' }, replace],
  ['a permit', 'watches', 'ENOSPC', { permits: 1 }, (path: string) => rmSync(slotPath(path, 0, 1))],
] as const)(
  'the loss of %s aborts its signal without inotify (no %s) too, by a timer, which is told once [X21]',
  async (_, what, code, options, lose) => {
    const agent = await withoutEvents(tempDirectory(), what);
    await agent.run(observe);
    const { path, degraded } = await agent.acquire('mirror', options);
    expect(degraded).toEqual([]);

    const told = await agent.run(listen);
    const byTimer = { reason: 'no-events', path: expect.any(String), detail: expect.stringContaining(code) };
    expect(told).toEqual({ seen: [byTimer], degraded: [byTimer], refs: [false] });

    lose(path);
    await agent.run(({ passTime }) => passTime(250));

    await agent.heard('lost: replaced');
    expect(await agent.run(looking)).toBe(0);
  },
);

it('the loss of one lock of a set aborts the signal of the set without inotify too [X21]', async () => {
  const agent = await withoutEvents(tempDirectory(), 'watches');
  const paths = await agent.run(async ({ manager, values, tell }) => {
    const set = await manager.acquireAll(['mirror', { name: 'registry', mode: 'shared' }]);
    const { signal } = set;
    values.set = signal; // kept, as its user would
    signal.addEventListener('abort', () => tell('lost'));
    return set.locks.map(({ path }) => path);
  });

  replace(paths[1] as string);
  await agent.run(({ passTime }) => passTime(250));

  await agent.heard('lost');
});

it('the timer that looks for a loss ends with the hold, also where a listener of the news ends it [X21, X4]', async () => {
  const agent = await withoutEvents(tempDirectory(), 'watches');
  await agent.run(observe);
  await agent.acquire('mirror');
  await agent.run(listen);
  expect(await agent.run(looking)).toBe(1);
  await agent.run(({ locks }) => locks.lock?.release());
  expect(await agent.run(looking)).toBe(0);

  await agent.acquire('mirror');
  const aborted = await agent.run(({ holdfast, locks }) => {
    holdfast.onLockEvent('degraded', () => void locks.lock?.release());
    return locks.lock?.signal.aborted;
  });

  expect(aborted).toBe(false);
  expect(await agent.run(looking)).toBe(0);
});

it('a hold that is handed on within the thread has a timer of its own [X21]', async () => {
  const agent = await withoutEvents(tempDirectory(), 'watches');
  await agent.run(observe);
  const { path } = await agent.acquire('mirror');
  await agent.run(listen);
  await agent.wait('mirror', {}, 'next');
  await agent.run(async ({ locks, waits, tell }) => {
    await locks.lock?.release();
    const next = await waits.next;
    next?.signal.addEventListener('abort', () => tell('the next one lost it'));
  });
  expect(await agent.run(looking)).toBe(1);

  replace(path);
  await agent.run(({ passTime }) => passTime(250));

  await agent.heard('the next one lost it');
  expect(await agent.run(looking)).toBe(0);
});

it('a worker thread is told of a loss without inotify too [X21]', async () => {
  const home = tempDirectory();
  const agent = await withoutEvents(home, 'watches');
  const path = await agent.run(
    ({ threads, values, tell }, program) =>
      new Promise<string>((resolve, reject) => {
        const worker = new threads.Worker(program);
        values.worker = worker;
        worker.on('error', reject);
        worker.on('message', (message) => {
          if (message === 'ready') worker.postMessage({ step: 'acquire', args: ['mirror'] });
          else if (message === 'lost') tell('lost');
          else if (message.degraded === undefined) worker.postMessage({ step: 'watch', args: [] });
          else resolve(`${message.degraded.join()} ${message.path}`);
        });
      }),
    fixture('hold-thread.mjs'),
  );
  const [degraded, lockFile] = path.split(' ') as [string, string];
  expect(degraded).toBe('no-events');

  replace(lockFile);

  await agent.heard('lost');
});

it('an upgrade without inotify is granted by timer, which is told once [X21]', async () => {
  const home = tempDirectory();
  const [reader] = await Agent.several(home, 1);
  const agent = await withoutEvents(home, 'watches');
  await agent.run(observe);
  await reader.acquire('mirror', { mode: 'shared' });
  await agent.acquire('mirror', { mode: 'shared' });
  await agent.run(async ({ locks, values, passTime }) => {
    values.upgrade = locks.lock?.upgrade({ timeout: 120_000 });
    await passTime(1_000);
  });
  await reader.release();
  await agent.run(({ values }) => values.upgrade);

  const seen = await agent.run(({ values }) => values.seen);
  expect(seen).toEqual([
    { reason: 'no-events', path: expect.any(String), detail: expect.stringContaining('waiting') },
  ]);
});
