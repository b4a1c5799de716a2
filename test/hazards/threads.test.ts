import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Agent } from '../support/agent.ts';
import { Child, fixture } from '../support/child.ts';
import { newPlace } from '../support/place.ts';
import { Thread } from '../support/thread.ts';

it('makes every thread of a process a contender of its own [H24]', async () => {
  const { home, locks: manager } = newPlace();
  const [first, second] = await Promise.all([Thread.start(home), Thread.start(home)]);

  await first.tell('acquire', 'mirror');
  expect(await second.tell('couldAcquire', 'mirror')).toBe(false);
  expect(await manager.tryAcquire('mirror')).toBeUndefined();
  expect(manager.inspect('mirror').holders).toMatchObject([
    { pid: process.pid, thread: first.worker.threadId },
  ]);
  await first.tell('release');

  const lock = await manager.acquire('mirror', { timeout: 0 });
  expect(await second.tell('couldAcquire', 'mirror')).toBe(false);
  await lock.release();
  expect(await second.tell('couldAcquire', 'mirror')).toBe(true);
});

it('wakes a thread that waits when another thread, or process, releases [H24]', async () => {
  const { home, locks: manager } = newPlace();
  const [agent] = await Agent.several(home, 1);
  const thread = await Thread.start(home);

  const lock = await manager.acquire('mirror');
  expect(await thread.tell('wait', 'mirror', { timeout: 120_000 })).toBe('waiting');
  await lock.release();
  expect(await thread.message()).toBe('granted');
  await thread.tell('release');

  await agent.acquire('mirror');
  expect(await thread.tell('wait', 'mirror', { timeout: 120_000 })).toBe('waiting');
  await agent.release();
  expect(await thread.message()).toBe('granted');
});

it('frees the lock of a thread that is terminated, and tells the next holder so [H24]', async () => {
  const { home, locks: manager } = newPlace();
  const thread = await Thread.start(home);
  await thread.tell('acquire', 'mirror');
  const waiting = manager.acquire('mirror', { timeout: 120_000, pollInterval: 60_000 });

  await thread.terminate();

  const lock = await waiting;
  expect(lock.recovered).toBe(true);
  await lock.release();
});

it('frees the shared lock of a thread that exits, and leaves nothing of it behind [H24, R12]', async () => {
  const { home, locks: manager } = newPlace();
  const thread = await Thread.start(home);
  await thread.tell('acquire', 'mirror', { mode: 'shared' });
  const waiting = manager.acquire('mirror', { timeout: 120_000 });

  await thread.exit();

  await (await waiting).release();
  expect(readdirSync(manager.directory)).toEqual([basename(manager.pathOf('mirror'))]);
});

it('leaves nothing of threads that are terminated while they wait: no grant, no descriptor [H24]', async () => {
  const { home, locks: manager } = newPlace();
  const lock = await manager.acquire('mirror');
  const spent = await Thread.start(home); // whatever Node.js itself keeps from its first worker
  await spent.tell('wait', 'mirror', { timeout: 120_000 });
  await spent.terminate();
  const before = readdirSync('/proc/self/fd').length;

  for (let round = 0; round < 3; round++) {
    const threads = await Promise.all([Thread.start(home), Thread.start(home)]);
    await Promise.all(threads.map((thread) => thread.tell('wait', 'mirror', { timeout: 120_000 })));
    await Promise.all(threads.map((thread) => thread.terminate()));
  }

  expect(readdirSync('/proc/self/fd').length).toBe(before);
  lock.assertHeld();
  await lock.release();
  await (await manager.acquire('mirror', { timeout: 0 })).release();
});

it('lets one of two cluster workers work and refuses the other at once, with the reason [H24, C2]', async () => {
  const { home } = newPlace();
  const service = new Child(process.execPath, [fixture('hold-cluster.mjs')], {
    env: { HOLDFAST_HOME: home },
  });

  const { code, stdout } = await service.finish();

  const lines = stdout.trim().split('\n');
  expect(code).toBe(0);
  expect(lines.sort()).toEqual(['again HOLDFAST_BUSY provision', 'done', 'refused HOLDFAST_BUSY', 'working']);
});

it('does not leave the lock with the children of its holder: it is free when the holder dies [R10, H11]', async () => {
  const { home } = newPlace();
  const [holder, other] = await Agent.several(home, 2);
  await holder.acquire('made here');
  for (const [name, mode] of [
    ['mirror', 'exclusive'],
    ['shared one', 'shared'],
  ] as const) {
    await holder.acquire(name);
    await holder.release();
    await holder.acquire(name, { mode }, name); // the file is opened now, where it was made before
  }
  // A child that outlives its parent, with nothing of it but the descriptors that are inherited by default.
  const child = await holder.run(
    () =>
      new Promise<number>((resolve) => {
        const { spawn } = process.getBuiltinModule('node:child_process');
        const sleep = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
        sleep.once('spawn', () => resolve(sleep.pid as number));
      }),
  );
  onTestFinished(() => void process.kill(child, 'SIGKILL'));

  await holder.kill();

  for (const name of ['made here', 'mirror', 'shared one']) expect(await other.couldAcquire(name)).toBe(true);
  expect(process.kill(child, 0)).toBe(true);
});

it('lives on when a worker is terminated at its first lock, for the binding is loaded with the import [X32, H24]', async () => {
  const { home } = newPlace();

  const child = new Child(process.execPath, [fixture('terminated-threads.mjs'), home]);

  for (let count = 1; count <= 20; count++) await child.line(`terminated ${count}`);
  expect(await child.exits()).toMatchObject({ code: 0, signal: null });
});
