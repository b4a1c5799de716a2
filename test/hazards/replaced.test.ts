import { readFileSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Agent, type Remote } from '../support/agent.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

/** Every way in which another program can put a different file into the lock's place. */
const replacements: readonly (readonly [what: string, replace: (path: string) => void])[] = [
  ['is removed', (path) => unlinkSync(path)],
  ['is renamed away', (path) => renameSync(path, `${path}.old`)],
  [
    'is renamed over',
    (path) => {
      writeFileSync(`${path}.new`, '');
      renameSync(`${path}.new`, path);
    },
  ],
];

describe.each(replacements)('a lock file that %s', (_what, replace) => {
  it('while it is held aborts the signal of its holder, whose checks fail from then on [H7]', async () => {
    const home = tempDirectory();
    const holder = await Agent.start({ home });
    const { path } = await holder.acquire('mirror');
    await holder.run(watchSignal);

    replace(path);

    await holder.heard('lost');
    await expect(holder.run(check)).rejects.toMatchObject({ code: 'HOLDFAST_LOST', reason: 'replaced' });
    await expect(holder.run(reason)).resolves.toMatchObject({ code: 'HOLDFAST_LOST', reason: 'replaced' });
  });

  it('while it is held is noticed by assertHeld before any event could be [H7]', async () => {
    const home = tempDirectory();
    const holder = await Agent.start({ home });
    const { path } = await holder.acquire('mirror');

    replace(path);

    await expect(holder.run(check)).rejects.toMatchObject({ code: 'HOLDFAST_LOST', reason: 'replaced' });
  });

  it('lets a successor in, and then only the successor passes assertHeld [H7]', async () => {
    const home = tempDirectory();
    const [holder, successor] = await Agent.several(home, 2);
    const { path } = await holder.acquire('mirror');
    replace(path);

    await successor.acquire('mirror');

    await successor.run(check);
    await expect(holder.run(check)).rejects.toMatchObject({ code: 'HOLDFAST_LOST' });
  });

  it('is the successor’s alone: the release of the old holder changes nothing about it [H9]', async () => {
    const home = tempDirectory();
    const [holder, successor, third] = await Agent.several(home, 3);
    const { path } = await holder.acquire('mirror');
    replace(path);
    await successor.acquire('mirror', { purpose: 'second' });
    const record = readFileSync(path);

    await holder.release();

    expect(readFileSync(path).equals(record)).toBe(true);
    await successor.run(check);
    expect(await third.couldAcquire('mirror')).toBe(false);
  });

  it('is not waited for any longer: waiters move over to the new file [H7]', async () => {
    const home = tempDirectory();
    const [holder, waiter] = await Agent.several(home, 2);
    const { path } = await holder.acquire('mirror');
    await waiter.wait('mirror', { timeout: 120_000, pollInterval: 60_000 });

    replace(path);

    expect(await waiter.granted()).toMatchObject({ path });
    await waiter.run(check);
    await expect(holder.run(check)).rejects.toMatchObject({ code: 'HOLDFAST_LOST' });
  });

  it('between the open and the lock of a contender makes it start over on the new file [H7]', async () => {
    const home = tempDirectory();
    const path = locksIn(home).pathOf('mirror');
    const [successor, third] = await Agent.several(home, 2);
    await successor.acquire('mirror');
    await successor.release();
    const slow = await Agent.start({ home, through: stoppedAfterOpening(path) });

    const attempt = slow.acquire('mirror', { timeout: 0 });
    await slow.child.says(/--- stopped by SIGSTOP ---/, 'stderr');
    replace(path);
    await successor.acquire('mirror');
    slow.signal('SIGCONT');

    await expect(attempt).rejects.toMatchObject({ code: 'HOLDFAST_BUSY' });
    await successor.run(check);
    await successor.release();
    await slow.acquire('mirror');
    expect(await third.couldAcquire('mirror')).toBe(false);
  });
});

it('aborts the signal also when the file was replaced before anybody asked for the signal [H7]', async () => {
  const home = tempDirectory();
  const holder = await Agent.start({ home });
  const { path } = await holder.acquire('mirror');
  unlinkSync(path);

  await holder.run(watchSignal);

  await holder.heard('lost');
});

it('aborts the signal also after garbage was collected since it was asked for [H7]', async () => {
  const home = tempDirectory();
  const holder = await Agent.start({ home, node: ['--expose-gc'] });
  const { path } = await holder.acquire('mirror');
  await holder.run(watchSignal);
  for (let collection = 0; collection < 5; collection++) await holder.run(() => global.gc?.());

  unlinkSync(path);

  await holder.heard('lost');
});

it('aborts the signal, and fails its checks, when the directory of the lock file was replaced [H7]', async () => {
  const home = tempDirectory();
  const [holder, successor] = await Agent.several(home, 2);
  const { path } = await holder.acquire('mirror');
  await holder.run(watchSignal);
  renameSync(dirname(path), `${dirname(path)}.old`);

  await successor.acquire('mirror');

  await successor.run(check);
  await holder.run(({ passTime }) => passTime(1_000));
  await holder.heard('lost');
  await expect(holder.run(check)).rejects.toMatchObject({ code: 'HOLDFAST_LOST', reason: 'replaced' });
});

it('takes a portable claim that another program empties for removed: its holder is told, and alone the successor passes its checks [H7]', async () => {
  const home = tempDirectory();
  const [holder, successor] = await Agent.several(home, 2);
  const { path } = await holder.acquire('mirror', { engine: 'portable' });
  await holder.run(watchSignal);

  truncateSync(path);

  await expect(holder.run(check)).rejects.toMatchObject({ code: 'HOLDFAST_LOST', reason: 'replaced' });
  await holder.heard('lost');
  await successor.acquire('mirror');
  await holder.release();
  await successor.run(check);
});

it('hands no lock on an old file to the next request of the same process [H7]', async () => {
  const home = tempDirectory();
  const [agent, other] = await Agent.several(home, 2);
  const { path } = await agent.acquire('mirror', {}, 'first');
  await agent.wait('mirror', { timeout: 120_000 }, 'second');
  unlinkSync(path);
  await other.acquire('mirror');

  await agent.release('first');

  await other.run(check);
  await other.release();
  await agent.granted('second');
  expect(await other.couldAcquire('mirror')).toBe(false);
});

it('reports a body that ended without its lock as LostError, also when nothing told of the loss [H7]', async () => {
  const home = tempDirectory();
  const holder = await Agent.start({ home });
  const unlinking = ({ manager, fs }: Remote) => manager.with('mirror', (lock) => fs.unlinkSync(lock.path));
  const unlinkingSync = ({ manager, fs }: Remote) =>
    manager.withSync('mirror', {}, (lock) => fs.unlinkSync(lock.path));
  await expect(holder.run(unlinking)).rejects.toMatchObject({ code: 'HOLDFAST_LOST' });
  await expect(holder.run(unlinkingSync)).rejects.toMatchObject({ code: 'HOLDFAST_LOST' });
});

it('reports a body that ended after its lock was lost as LostError, and the body’s own error first [H7]', async () => {
  const home = tempDirectory();
  const holder = await Agent.start({ home });
  const path = locksIn(home).pathOf('mirror');

  const body = ({ manager, fs }: Remote, path: string, own: string) =>
    manager.with('mirror', async (lock) => {
      const lost = new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
      fs.unlinkSync(path);
      await lost;
      if (own !== '') throw new Error(own);
    });

  await expect(holder.run(body, path, '')).rejects.toMatchObject({ code: 'HOLDFAST_LOST' });
  await expect(holder.run(body, path, 'disk on fire')).rejects.toThrow('disk on fire');
});

it('leaves the mark of a successor alone when a shared lock is released after its file was replaced [H9]', async () => {
  const home = tempDirectory();
  const [holder, successor] = await Agent.several(home, 2);
  const { path } = await holder.acquire('mirror', { mode: 'shared' });
  unlinkSync(path);
  await successor.acquire('mirror', { mode: 'shared', purpose: 'second' });

  await holder.release();

  const { holders } = await successor.run(({ manager }) => manager.inspect('mirror'));
  expect(holders.map(({ purpose }) => purpose)).toEqual(['second']);
});

const check = ({ locks }: Remote) => locks.lock?.assertHeld();

const watchSignal = ({ locks, tell, values }: Remote) => {
  const signal = locks.lock?.signal as AbortSignal;
  const told = () => {
    values.reason = signal.reason;
    tell('lost');
  };
  if (signal.aborted) told();
  else signal.addEventListener('abort', told);
};

const reason = ({ values }: Remote) => {
  const { code, reason } = values.reason as { code: string; reason: string };
  return { code, reason };
};

/** Stops the process in between: after it has opened the lock file, before it locks it. */
function stoppedAfterOpening(path: string): string[] {
  return ['strace', '-e', 'trace=openat,open', '-P', path, '-e', 'inject=openat,open:signal=SIGSTOP:when=1'];
}
