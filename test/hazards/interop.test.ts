import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager, type Mode } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Child, fixture } from '../support/child.ts';
import { next } from '../support/events.ts';
import { newLocks } from '../support/place.ts';

/** A program that takes the lock of the file without Holdfast. Says `held`, or ends with code 1. */
const programs: Record<string, (path: string, mode: Mode) => Child> = {
  // -o: the command does not inherit the lock, so that the lock ends with flock(1) itself.
  'flock(1)': (path, mode) =>
    new Child('flock', [
      mode === 'shared' ? '-s' : '-x',
      '-n',
      '-o',
      path,
      'sh',
      '-c',
      'echo held; read line; true',
    ]),
  'Python’s fcntl.flock': (path, mode) => new Child('python3', [fixture('hold-flock.py'), path, mode]),
};

const modes: readonly Mode[] = ['exclusive', 'shared'];

function setUp(): { manager: LockManager; path: string } {
  const manager = newLocks({ pollInterval: 60_000 });
  return { manager, path: manager.pathOf('mirror') };
}

/** Makes the lock file, as the first program that uses the lock does. */
async function made(): Promise<{ manager: LockManager; path: string }> {
  const place = setUp();
  await (await place.manager.acquire('mirror')).release();
  return place;
}

describe.each(Object.keys(programs))('%s', (program) => {
  const start = programs[program] as (path: string, mode: Mode) => Child;
  const excluded = modes.flatMap((theirs) => modes.map((ours) => ({ theirs, ours })));

  it.each(excluded)(
    'holding it $theirs meets a Holdfast lock taken $ours by the rules, and the other way round [C6]',
    async ({ theirs, ours }) => {
      const { manager, path } = await made();
      const compatible = theirs === 'shared' && ours === 'shared';

      const holder = start(path, theirs);
      await holder.line('held');
      const attempt = await manager.tryAcquire('mirror', { mode: ours });
      expect(attempt !== undefined).toBe(compatible);
      await attempt?.release();
      holder.say('');
      await holder.finish();

      const lock = await manager.acquire('mirror', { mode: ours });
      const contender = start(path, theirs);
      if (compatible) await contender.line('held');
      const { code, stdout } = await contender.finish();
      expect({ code, held: stdout.includes('held') }).toEqual({ code: compatible ? 0 : 1, held: compatible });
      lock.assertHeld();
      await lock.release();
    },
  );

  it('is named as the holder, and as no Holdfast program [C6]', async () => {
    const { manager, path } = await made();
    const holder = start(path, 'exclusive');
    await holder.line('held');

    await expect(manager.acquire('mirror', { timeout: 0 })).rejects.toMatchObject({
      code: 'HOLDFAST_BUSY',
      holders: [{ foreign: true, command: expect.stringMatching(/flock/), pid: expect.any(Number) }],
      message: expect.stringContaining('not a Holdfast program'),
    });
  });

  const ends: readonly (readonly [string, (holder: Child) => void])[] = [
    ['gives it back', (holder) => holder.say('')],
    ['is killed', (holder) => holder.signal('SIGKILL')],
  ];

  it.each(ends)('wakes a Holdfast waiter by event when it %s [C6]', async (_what, end) => {
    const { manager, path } = await made();
    const holder = start(path, 'exclusive');
    await holder.line('held');
    const waiting = next('waiting');
    // The poll interval is a minute, so that only the event can bring the grant within the timeout.
    const acquisition = manager.acquire('mirror', { timeout: 120_000 });
    await waiting;

    end(holder);

    const lock = await acquisition;
    lock.assertHeld();
    await lock.release();
  });

  it('does not disturb what Holdfast wrote into the lock file [C6]', async () => {
    const { manager, path } = await made();
    const before = readFileSync(path);
    const { token } = await released(manager);
    const holder = start(path, 'exclusive');
    await holder.line('held');
    holder.say('');
    await holder.finish();

    expect(readFileSync(path).length).toBe(before.length);
    const lock = await manager.acquire('mirror');
    expect(lock.token).toBeGreaterThan(token);
    expect(lock.degraded).toEqual([]);
    await lock.release();
  });
});

async function released(manager: LockManager): Promise<{ token: number }> {
  const lock = await manager.acquire('mirror');
  const { token } = lock;
  await lock.release();
  return { token };
}

it('finds a lock that was given back without closing the file, at the next poll [C6, G10]', async () => {
  const { path } = await made();
  const manager = new LockManager({ directory: join(path, '..') });
  const holder = new Child('python3', [fixture('hold-flock.py'), path, 'exclusive', '--unlock']);
  await holder.line('held');
  const acquisition = manager.acquire('mirror', { timeout: 120_000, pollInterval: 20 });
  holder.say('');
  await holder.line('released');

  await (await acquisition).release();
});

it('lets a waiting flock(1) and a waiting fcntl.flock in when Holdfast releases [C6]', async () => {
  const { manager, path } = await made();
  const lock = await manager.acquire('mirror');
  const blocking = [
    new Child('flock', [path, 'echo', 'held']),
    new Child('python3', [
      '-c',
      'import fcntl,sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print("held")',
      path,
    ]),
  ];
  expect(blocking.every((child) => child.isRunning)).toBe(true);

  await lock.release();

  for (const child of blocking) await child.line('held');
});

it('locks a file that only the other program ever made, and leaves it usable for that [C6]', async () => {
  const { manager, path } = setUp();
  await (await new LockManager({ directory: manager.directory }).acquire('other')).release();
  const first = new Child('flock', ['-n', path, 'echo', 'held']);
  await first.line('held');
  await first.finish();

  const lock = await manager.acquire('mirror');
  expect(lock.degraded).toEqual([]);
  const second = new Child('flock', ['-n', path, 'echo', 'held']);
  expect((await second.finish()).code).toBe(1);
  await lock.release();
});
