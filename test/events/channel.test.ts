import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { unlinkSync, writeFileSync } from 'node:fs';
import type { LockManager } from 'holdfast';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Agent } from '../support/agent.ts';
import { next, Recorder } from '../support/events.ts';
import { locksIn, newPlace } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

function setUp(): { home: string; manager: LockManager; recorder: Recorder } {
  const { home, locks: manager } = newPlace();
  return { home, manager, recorder: new Recorder() };
}

describe('each step of a lock is told once:', () => {
  it('a free lock that is taken and given back [F14]', async () => {
    const { manager, recorder } = setUp();

    const lock = await manager.acquire('mirror', { purpose: 'nightly save', timeout: 77 });
    await lock.release();
    await lock.release();

    expect(recorder.names).toEqual(['requested', 'granted', 'released']);
    const common = {
      id: recorder.events[0]?.id,
      at: expect.any(Number),
      resource: 'mirror',
      path: lock.path,
      mode: 'exclusive',
      contract: 'kernel',
      purpose: 'nightly save',
      anonymous: false,
    };
    expect(recorder.one('requested')).toMatchObject({ ...common, timeout: 77 });
    expect(recorder.one('granted')).toMatchObject({ ...common, waited: 0 });
    expect(recorder.one('released')).toMatchObject({ ...common, held: expect.any(Number) });
  });

  it('the same steps of with and of the synchronous calls [F14]', async () => {
    const { manager, recorder } = setUp();

    await manager.with('mirror', (lock) => lock.assertHeld());
    manager.withSync('mirror', {}, (lock) => lock.assertHeld());

    expect(recorder.names).toEqual(['requested', 'granted', 'released', 'requested', 'granted', 'released']);
  });

  it('a wait that ends with the grant [F14, R8]', async () => {
    const { home, manager, recorder } = setUp();
    const [holder] = await Agent.several(home, 1);
    await holder.acquire('mirror', { purpose: 'nightly save' });
    const acquisition = manager.acquire('mirror', { timeout: 20_000 });

    expect(recorder.one('waiting')).toMatchObject({
      position: 1,
      holders: [{ pid: holder.pid, purpose: 'nightly save' }],
    });
    await holder.release();
    await (await acquisition).release();

    expect(recorder.names).toEqual(['requested', 'waiting', 'granted', 'released']);
    expect(recorder.one('granted').waited).toBeGreaterThan(0);
    expect(new Set(recorder.events.map(({ id }) => id)).size).toBe(1);
  });

  it('a wait that ends with its timeout, and a try that finds the lock busy [F14]', async () => {
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

  it('a wait that is aborted, with its reason [F14]', async () => {
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

  it('a lock that is lost, and whose release later has nothing to tell [F14, H7]', async () => {
    const { manager, recorder } = setUp();
    const lock = await manager.acquire('mirror');
    unlinkSync(lock.path);

    expect(() => lock.assertHeld()).toThrow();
    expect(() => lock.assertHeld()).toThrow();
    expect(lock.signal.aborted).toBe(true);
    await lock.release();

    expect(recorder.names).toEqual(['requested', 'granted', 'lost']);
    expect(recorder.one('lost').reason).toBe('replaced');
  });

  it('a lock that reaches its hold limit [F14, R11]', async () => {
    const { manager, recorder } = setUp();
    const lost = next('lost');
    const lock = await manager.acquire('mirror', { holdLimit: 20 });
    await lost;
    await lock.release();

    expect(recorder.names).toEqual(['requested', 'granted', 'lost']);
    expect(recorder.one('lost')).toMatchObject({ reason: 'hold-limit' });
    expect(recorder.one('lost').held).toBeGreaterThanOrEqual(19);
  });

  it('a grant that follows on a holder that died, with the record of the dead [F14, R45]', async () => {
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

  it('a degraded grant, also one that a strict manager refuses [F14, C5]', async () => {
    const { home, manager, recorder } = setUp();
    await (await manager.acquire('other')).release();
    writeFileSync(manager.pathOf('mirror'), 'precious');
    recorder.events.length = 0;

    await (await manager.acquire('mirror')).release();
    expect(recorder.names).toEqual(['requested', 'degraded', 'granted', 'released']);
    expect(recorder.one('degraded').degradation).toMatchObject({ reason: 'foreign-content' });

    const strict = locksIn(home, { strict: true });
    await expect(strict.acquire('mirror')).rejects.toThrow();
    expect(recorder.names.slice(4)).toEqual(['requested', 'degraded']);
  });

  it('a lock that nobody can release any more: it stays held [F14]', async () => {
    const home = tempDirectory();
    const agent = await Agent.start({ home, node: ['--expose-gc'] });
    const [other] = await Agent.several(home, 1);

    const leaked = await agent.run(async ({ holdfast, manager, timers }) => {
      const resources: string[] = [];
      const first = new Promise<void>((resolve) => {
        holdfast.onLockEvent('leaked', ({ resource }) => {
          resources.push(resource);
          resolve();
        });
      });
      await (async () => {
        await manager.acquire('forgotten');
        await (await manager.acquire('released')).release();
      })();
      const kept = await manager.acquire('kept');
      let done = false;
      void first.then(() => {
        done = true;
      });
      // Collecting garbage is all that can bring the event about.
      while (!done) {
        global.gc?.();
        await timers.setTimeout(20);
      }
      for (let more = 0; more < 5; more++) {
        global.gc?.();
        await timers.setImmediate();
      }
      kept.assertHeld();
      return resources;
    });

    expect(leaked).toEqual(['forgotten']);
    expect(await other.couldAcquire('forgotten')).toBe(false);
    expect(await other.couldAcquire('released')).toBe(true);
  });

  it('a process that exits while it holds: exclusive and shared [F14, H25]', async () => {
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

it('publishes on diagnostics channels of known names, for those who listen without Holdfast [F14]', async () => {
  const { manager } = setUp();
  const seen: unknown[] = [];
  const listen = (message: unknown) => seen.push(message);
  subscribe('holdfast:granted', listen);
  onTestFinished(() => void unsubscribe('holdfast:granted', listen));

  await (await manager.acquire('mirror')).release();

  expect(seen).toMatchObject([{ resource: 'mirror' }]);
});

it('keeps the errors of listeners from the user of the lock [F14]', async () => {
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
