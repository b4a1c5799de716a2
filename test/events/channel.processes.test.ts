import type { LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { StoppedClock } from '../support/clock.ts';
import { Recorder } from '../support/events.ts';
import { newPlace } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

function setUp(): { home: string; manager: LockManager; recorder: Recorder } {
  const { home, locks: manager } = newPlace();
  return { home, manager, recorder: new Recorder() };
}

describe('each step of a lock is told once:', () => {
  it('a wait that ends with the grant [R8, R70]', async () => {
    const { home, manager, recorder } = setUp();
    const [holder] = await Agent.several(home, 1);
    await holder.acquire('mirror', { purpose: 'nightly save' });
    const clock = new StoppedClock();
    const acquisition = manager.acquire('mirror', { timeout: 120_000 });

    expect(recorder.one('waiting')).toMatchObject({
      position: 1,
      holders: [{ pid: holder.pid, purpose: 'nightly save' }],
    });
    clock.advance(7);
    await holder.release();
    await (await acquisition).release();

    expect(recorder.names).toEqual(['requested', 'waiting', 'granted', 'released']);
    expect(recorder.one('granted').waited).toBe(7);
    expect(new Set(recorder.events.map(({ id }) => id)).size).toBe(1);
  });

  it('a wait that ends with its timeout, and a try that finds the lock busy [R70]', async () => {
    const { home, manager, recorder } = setUp();
    const [holder] = await Agent.several(home, 1);
    await holder.acquire('mirror');

    await expect(manager.acquire('mirror', { timeout: 5 })).rejects.toThrow();
    expect(recorder.names).toEqual(['requested', 'waiting', 'timed-out']);
    expect(recorder.one('timed-out')).toMatchObject({ holders: [{ pid: holder.pid }] });
    await expect(manager.acquire('mirror', { timeout: 0 })).rejects.toThrow();
    expect(recorder.names.slice(3)).toEqual(['requested', 'timed-out']);
    await manager.tryAcquire('mirror');
    expect(recorder.names.slice(5)).toEqual(['requested']);
  });

  it('a wait that is aborted, with its reason [R70]', async () => {
    const { home, manager, recorder } = setUp();
    const [holder] = await Agent.several(home, 1);
    await holder.acquire('mirror');
    const controller = new AbortController();
    const wait = manager.acquire('mirror', { signal: controller.signal });

    controller.abort('changed my mind');

    await expect(wait).rejects.toBe('changed my mind');
    expect(recorder.names).toEqual(['requested', 'waiting', 'aborted']);
    expect(recorder.one('aborted').reason).toBe('changed my mind');
    await expect(manager.acquire('mirror', { signal: controller.signal })).rejects.toBe('changed my mind');
    expect(recorder.names).toHaveLength(3);
  });

  it('a grant that follows on a holder that died, with the record of the dead [R45, R70]', async () => {
    const { home, manager, recorder } = setUp();
    const [holder] = await Agent.several(home, 1);
    await holder.acquire('mirror', { purpose: 'nightly save' });
    await holder.kill();

    await (await manager.acquire('mirror')).release();
    await (await manager.acquire('mirror')).release();

    expect(recorder.names).toEqual([
      'requested',
      'granted',
      'recovered',
      'released',
      'requested',
      'granted',
      'released',
    ]);
    expect(recorder.one('recovered').previous).toMatchObject({ pid: holder.pid, purpose: 'nightly save' });
  });

  it('a lock that nobody can release any more: it stays held [R70]', async () => {
    const home = tempDirectory();
    const agent = await Agent.start({ home, node: ['--expose-gc'] });
    const [other] = await Agent.several(home, 1);

    const leaked = await agent.run(async ({ holdfast, manager, timers, advanceClock }) => {
      const resources: string[] = [];
      holdfast.onLockEvent('leaked', ({ resource }) => resources.push(resource));
      // Collecting garbage is all that can bring the event about.
      const untilLeaked = async (name: string) => {
        while (!resources.includes(name)) {
          global.gc?.();
          await timers.setImmediate();
        }
      };
      await (async () => {
        await manager.acquire('forgotten');
        await (await manager.acquire('released')).release();
      })();
      const kept = await manager.acquire('kept');
      const brief = [await manager.acquire('released late')];
      advanceClock(1_000); // old enough for the next look
      await untilLeaked('forgotten');
      await brief.pop()?.release();
      // What would be told wrongly, or twice, is told by the time that what was forgotten after it is.
      await (async () => void (await manager.acquire('forgotten later')))();
      advanceClock(1_000);
      await untilLeaked('forgotten later');
      kept.assertHeld();
      return resources;
    });

    expect(leaked).toEqual(['forgotten', 'forgotten later']);
    expect(await other.couldAcquire('forgotten')).toBe(false);
    expect(await other.couldAcquire('released')).toBe(true);
  });

  it('a process that exits while it holds: exclusive and shared [R70]', async () => {
    const { home } = setUp();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror', {}, 'a');
    await agent.acquire('registry', { mode: 'shared' }, 'b');
    await agent.acquire('released', {}, 'c');
    await agent.release('c');
    await agent.run(({ holdfast, tell }) => {
      holdfast.onLockEvent('exited', ({ resource }) => tell(`exited ${resource}`));
    });

    const { stdout } = await agent.child.finish();

    expect(stdout.match(/exited \w+/g)?.sort()).toEqual(['exited mirror', 'exited registry']);
  });
});

it('keeps the errors of listeners from the user of the lock', async () => {
  const home = tempDirectory();
  const agent = await Agent.start({ home });
  await agent.run(({ holdfast, tell }) => {
    process.on('uncaughtException', ({ message }) => tell(`uncaught ${message}`));
    for (const name of ['requested', 'granted', 'released'] as const) {
      holdfast.onLockEvent(name, () => {
        throw new Error(`listener of ${name}`);
      });
    }
  });

  await agent.acquire('mirror');
  await agent.run(({ locks }) => locks.lock?.assertHeld());
  await agent.release();

  for (const name of ['requested', 'granted', 'released']) await agent.heard(`uncaught listener of ${name}`);
});
