import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineName, LockManager } from 'holdfast';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SECOND_LOOK } from '../../src/engine/engine.ts';
import { syscalls } from '../../src/engine/kernel/syscalls/index.ts';
import { LONGEST_PAUSE } from '../../src/engine/portable/pauses.ts';
import { self } from '../../src/identity/self.ts';
import { Cli, main } from '../cli/cli.ts';
import { leaveClaim } from '../engine/portable/stale.ts';
import { Agent } from '../support/agent.ts';
import { Child } from '../support/child.ts';
import { heard } from '../support/events.ts';
import { Latch } from '../support/latch.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { until, untilAsleepIn, untilStopped } from '../support/until.ts';

const NOW = { timeout: 0 } as const;

/** A lock that is free, and for which nobody but a process in a container waits that was paused. */
async function heldUp(engine: EngineName, home = tempDirectory()) {
  const locks = locksIn(home, { engine });
  const held = await locks.acquire('mirror');
  await waitInContainer(home, engine, locks);
  await held.release();
  return { home, locks };
}

async function waitInContainer(home: string, engine: EngineName, locks: LockManager): Promise<void> {
  const before = locks.inspect('mirror').waiters.length;
  const command = [
    process.execPath,
    main,
    'run',
    '--engine',
    engine,
    '--timeout',
    '1h',
    'mirror',
    '--',
    'true',
  ];
  const container = new Child('unshare', ['--pid', '--fork', '--kill-child', ...command], {
    env: { HOLDFAST_HOME: home },
  });
  await until(() => {
    const { waiters } = locks.inspect('mirror');
    // One that has only just come is given the time to take its turn, whoever it is.
    return waiters.length > before && waiters.every(({ waited }) => waited > 200);
  }, 'a process in a container waits');
  const children = readFileSync(`/proc/${container.pid}/task/${container.pid}/children`, 'utf8');
  process.kill(Number(children), 'SIGSTOP');
  await untilStopped(Number(children));
}

describe.each<EngineName>(['kernel', 'portable'])('a free lock of the %s engine', (engine) => {
  it('is taken without waiting although a waiter is ahead that may never take it [G11, H3]', async () => {
    const { locks } = await heldUp(engine);
    expect(locks.inspect('mirror')).toMatchObject({ state: 'free', waiters: [{}] });

    await (await locks.acquire('mirror', NOW)).release();
    const tried = await locks.tryAcquire('mirror');
    tried?.assertHeld();
    await tried?.release();
    locks.acquireSync('mirror', NOW).release();

    expect(tried).toBeDefined();
    expect(locks.inspect('mirror').waiters).toHaveLength(1);
  });

  it('is not taken by a try that is aborted before it is seen free again [X57]', async () => {
    const { locks } = await heldUp(engine);
    const abort = new AbortController();
    const reason = new Error('given up');
    const events = heard('aborted');

    const tried = locks.tryAcquire('mirror', { signal: abort.signal });
    abort.abort(reason);

    await expect(tried).rejects.toBe(reason);
    expect(events).toMatchObject([{ resource: 'mirror', reason }]);
    expect(locks.inspect('mirror').state).toBe('free');
    expect(locks.query().held).toEqual([]);
  });

  it('is left by a synchronous try to one who takes it in the moment between its two looks [X57]', async () => {
    const { locks } = await heldUp(engine);
    const path = locks.pathOf('mirror');
    const other = engine === 'kernel' ? openSync(path, 'r+') : undefined;
    onTestFinished(() => void (other !== undefined && closeSync(other)));
    const wait = vi.spyOn(Atomics, 'wait').mockImplementationOnce(() => {
      if (other === undefined) leaveClaim(path, 'file', self());
      else syscalls().lock(other, 'exclusive');
      return 'timed-out';
    });
    onTestFinished(() => wait.mockRestore());

    expect(() => locks.acquireSync('mirror', NOW)).toThrow(
      expect.objectContaining({ code: 'HOLDFAST_BUSY' }),
    );

    const pause = engine === 'portable' ? LONGEST_PAUSE : 0; // of the one ahead
    expect(wait).toHaveBeenCalledWith(expect.anything(), 0, 0, pause + SECOND_LOOK);
  });

  it('is taken without waiting by the command line too [H3, G11]', async () => {
    const cli = new Cli();
    await heldUp(engine, cli.home);

    const { code, stdout } = await cli.run([
      ...['run', '--engine', engine, '--no-wait', 'mirror', '--', 'echo', 'in'],
    ]);

    expect([code, stdout]).toEqual([0, 'in\n']);
  });

  it('is left to one who can take it, and the error names who waits, first of all the first [R7, R82]', async () => {
    const { home, locks } = await heldUp(engine);
    const held = await locks.acquire('mirror', NOW);
    const [busy] = await Agent.several(home, 1);
    await busy.manage({ directory: locks.directory, engine });
    await busy.wait('mirror', { timeout: 120_000, purpose: 'at work' });
    // Too busy to take its turn, but not stopped: so it is not passed.
    const thaw = new Latch(join(home, 'thaw'));
    const frozen = busy.run(({ fs }, thaw) => fs.closeSync(fs.openSync(thaw, 'r')), thaw.path);
    await untilAsleepIn(busy.pid, 'wait_for_partner');
    await held.release();

    const refused = locks.acquire('mirror', NOW);

    await expect(refused).rejects.toMatchObject({ code: 'HOLDFAST_BUSY', holders: [] });
    await expect(refused).rejects.toThrow(
      /^mirror is free, but 2 wait for it, first of all "true" \(pid 1, .*\)\. Look: /,
    );
    expect(await locks.tryAcquire('mirror')).toBeUndefined();
    expect(() => locks.acquireSync('mirror', NOW)).toThrow(/^mirror is free, but 2 wait for it/);
    thaw.open();
    await frozen;
    await busy.granted();
  });
});
