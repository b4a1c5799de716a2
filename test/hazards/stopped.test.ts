import { describe, expect, it } from 'vitest';
import { portableEngine } from '../../src/engine/portable/portable.ts';
import { recordOf } from '../../src/identity/index.ts';
import { self } from '../../src/identity/self.ts';
import { unusedLock } from '../engine/harness.ts';
import { leaveClaim, replaceClaim } from '../engine/portable/stale.ts';
import { Agent } from '../support/agent.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { until, untilStopped } from '../support/until.ts';

describe('a holder that is stopped', () => {
  it('keeps its lock, for its work may be half-done: others time out and are told who it is [H21, R11]', async () => {
    const home = tempDirectory();
    const [holder, other] = await Agent.several(home, 2);
    const { path } = await holder.acquire('mirror', { purpose: 'nightly save' });
    holder.signal('SIGSTOP');
    await untilStopped(holder.pid);

    await other.wait('mirror', { timeout: 60_000 }, 'hasty');
    expect(await other.stillWaits('hasty')).toBe(true);
    await other.elapse(60_000);
    await expect(other.granted('hasty')).rejects.toMatchObject({
      code: 'HOLDFAST_TIMEOUT',
      path,
      holders: [{ pid: holder.pid, purpose: 'nightly save' }],
    });
    expect(await other.couldAcquire('mirror')).toBe(false);

    holder.signal('SIGCONT');
    await holder.run(({ locks }) => locks.lock?.assertHeld());
    await other.wait('mirror', { timeout: 120_000 });
    await holder.release();
    expect((await other.granted()).recovered).toBe(false);
  });

  it('past its hold limit is not robbed; it releases by itself as soon as it runs again [H21, R11]', async () => {
    const home = tempDirectory();
    const [holder, other] = await Agent.several(home, 2);
    const stopped = holder.run(async ({ manager, locks }) => {
      locks.lock = await manager.acquire('mirror', { holdLimit: 1 });
      process.kill(process.pid, 'SIGSTOP'); // in the turn of the grant, so that no timer has had a chance
    });
    await untilStopped(holder.pid);

    await other.wait('mirror', { timeout: Number.MAX_VALUE });
    expect(await other.stillWaits()).toBe(true);
    holder.signal('SIGCONT');
    await stopped;
    await other.granted();

    await expect(holder.run(({ locks }) => locks.lock?.assertHeld())).rejects.toMatchObject({
      code: 'HOLDFAST_LOST',
      reason: 'hold-limit',
    });
  });

  it('and continued past its hold limit fails its next check, before any timer could run [H21, R11]', async () => {
    const home = tempDirectory();
    const [holder, other] = await Agent.several(home, 2);
    // The check runs in the same turn as the stop, so the watchdog's timer has had no chance.
    const checked = holder.run(async ({ manager, advanceClock }) => {
      const lock = await manager.acquire('mirror', { holdLimit: 60_000 });
      process.kill(process.pid, 'SIGSTOP');
      advanceClock(60_000); // while it was stopped
      try {
        lock.assertHeld();
        return 'passed';
      } catch (error) {
        return (error as { reason?: string }).reason;
      }
    });
    await untilStopped(holder.pid);
    holder.signal('SIGCONT');

    expect(await checked).toBe('hold-limit');
    expect(await other.couldAcquire('mirror')).toBe(true);
  });

  it('lets no one in when it is killed while it is stopped but the next in line [H21, R10]', async () => {
    const home = tempDirectory();
    const [holder, waiter] = await Agent.several(home, 2);
    await holder.acquire('mirror');
    holder.signal('SIGSTOP');
    await untilStopped(holder.pid);
    await waiter.wait('mirror', { timeout: 120_000, pollInterval: 60_000 });

    await holder.kill();

    expect((await waiter.granted()).recovered).toBe(true);
  });
});

it('a waiter that is stopped does not keep the lock from others [R81]', async () => {
  const home = tempDirectory();
  const [holder, stopped, other] = await Agent.several(home, 3);
  await holder.acquire('mirror');
  await stopped.wait('mirror', { timeout: 60_000 });
  stopped.signal('SIGSTOP');
  await untilStopped(stopped.pid);
  await other.wait('mirror', { timeout: 120_000 });

  await holder.release();

  await other.granted();
  await other.release();
  stopped.signal('SIGCONT');
  await stopped.granted();
});

it('a holder on another machine is not taken for stopped because a process of its id is stopped here [X22, H5]', async () => {
  const { home, request } = unusedLock();
  const [stopped] = await Agent.several(home, 1);
  stopped.signal('SIGSTOP');
  await untilStopped(stopped.pid);
  const holder = { ...recordOf(stopped.pid), boot: self().boot };
  const engine = portableEngine();

  leaveClaim(request().path, 'file', holder);
  expect(engine.inspect(request().path).holders).toMatchObject([{ pid: stopped.pid, stopped: true }]);
  replaceClaim(request().path, 'file', { ...holder, boot: 'another-boot', machine: 'another-machine' });

  expect(engine.inspect(request().path).holders).toMatchObject([{ pid: stopped.pid }]);
  expect(engine.inspect(request().path).holders[0]).not.toHaveProperty('stopped');
  stopped.signal('SIGCONT');
});

describe.each([
  ['a reader', { mode: 'shared' }],
  ['a taker of a permit', { permits: 2 }],
] as const)('by the portable engine, %s that is stopped before it has the lock', (_, options) => {
  it('keeps nobody out, and does not take the lock beside a writer when it goes on [X23, H21]', async () => {
    const home = tempDirectory();
    const [stopped, other] = await Agent.several(home, 2);
    for (const agent of [stopped, other]) await agent.manage({ engine: 'portable' });
    await stopped.run(({ fs }) => {
      const { linkSync } = fs;
      const { syncBuiltinESMExports } = process.getBuiltinModule('node:module');
      fs.linkSync = (from, to) => {
        if (String(to).includes('/readers/')) {
          fs.linkSync = linkSync;
          syncBuiltinESMExports();
          process.kill(process.pid, 'SIGSTOP');
        }
        linkSync(from, to);
      };
      syncBuiltinESMExports();
    });
    const acquired = stopped.acquire('pool', { ...options, timeout: 120_000 });
    await untilStopped(stopped.pid);

    await other.acquire('pool', { ...options, timeout: 120_000 }, 'together');
    await other.release('together');
    await other.acquire('pool', { timeout: 0 });
    stopped.signal('SIGCONT');
    await until(() => locksIn(home).inspect('pool').waiters.length === 1, 'it waits in line');
    await other.run(({ locks }) => locks.lock?.assertHeld());
    await other.release();

    await acquired;
  });
});

describe('a hold limit', () => {
  it('aborts the signal with a LostError and gives the lock to the next [R11]', async () => {
    const home = tempDirectory();
    const [holder, other] = await Agent.several(home, 2);
    await holder.acquire('mirror', { holdLimit: 200 });
    await other.wait('mirror', { timeout: 120_000, pollInterval: 60_000 });

    const reason = await holder.run(
      ({ locks }) =>
        new Promise<{ code: string; reason: string; message: string }>((resolve) => {
          const signal = locks.lock?.signal as AbortSignal;
          const told = () => {
            const { code, reason, message } = signal.reason;
            resolve({ code, reason, message });
          };
          if (signal.aborted) told();
          else signal.addEventListener('abort', told);
        }),
    );

    expect(reason).toMatchObject({ code: 'HOLDFAST_LOST', reason: 'hold-limit' });
    expect(reason.message).toContain('200ms');
    await other.granted();
    await holder.release(); // of what is not held any more: nothing happens to the successor
    await other.run(({ locks }) => locks.lock?.assertHeld());
  });

  it('does nothing to a lock that is released in time, nor to the next one [R11]', async () => {
    const home = tempDirectory();
    const [agent] = await Agent.several(home, 1);
    await agent.acquire('mirror', { holdLimit: 50 });
    await agent.release();
    await agent.acquire('mirror', {}, 'second');

    // One that begins later and is kept runs into the same limit, so that of the first has passed by then.
    await agent.acquire('other', { holdLimit: 50 }, 'other');
    await agent.run(({ locks }) => {
      const signal = locks.other?.signal as AbortSignal;
      return new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve());
      });
    });

    await agent.run(({ locks }) => locks.second?.assertHeld());
    expect(await agent.run(({ locks }) => locks.second?.signal.aborted)).toBe(false);
  });
});
