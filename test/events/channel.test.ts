import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { unlinkSync, writeFileSync } from 'node:fs';
import { type LockManager, onLockEvent } from 'holdfast';
import { describe, expect, it, onTestFinished } from 'vitest';
import { StoppedClock } from '../support/clock.ts';
import { next, Recorder } from '../support/events.ts';
import { locksIn, newPlace } from '../support/place.ts';

function setUp(): { home: string; manager: LockManager; recorder: Recorder } {
  const { home, locks: manager } = newPlace();
  return { home, manager, recorder: new Recorder() };
}

describe('each step of a lock is told once:', () => {
  it('a free lock that is taken and given back [R70]', async () => {
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

  it('an end before anybody else can have the lock, so that no log shows two holders [R70]', async () => {
    const { manager } = setUp();
    const states: string[] = [];
    const look = () => states.push(manager.inspect('mirror').state);
    for (const name of ['released', 'lost'] as const) onTestFinished(onLockEvent(name, look));
    const clock = new StoppedClock();

    await (await manager.acquire('mirror')).release();
    await manager.acquire('mirror', { holdLimit: 20 });
    await clock.elapse(20);
    look();

    expect(states).toEqual(['exclusive', 'exclusive', 'free']);
  });

  it('the same steps of with and of the synchronous calls [R70]', async () => {
    const { manager, recorder } = setUp();

    await manager.with('mirror', (lock) => lock.assertHeld());
    manager.withSync('mirror', {}, (lock) => lock.assertHeld());

    expect(recorder.names).toEqual(['requested', 'granted', 'released', 'requested', 'granted', 'released']);
  });

  it('a lock that is lost, and whose release later has nothing to tell [H7, R70]', async () => {
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

  it('a lock that reaches its hold limit [R11, R70]', async () => {
    const { manager, recorder } = setUp();
    const lost = next('lost');
    const clock = new StoppedClock();
    const lock = await manager.acquire('mirror', { holdLimit: 20 });
    await clock.elapse(20);
    await lost;
    await lock.release();

    expect(recorder.names).toEqual(['requested', 'granted', 'lost']);
    expect(recorder.one('lost')).toMatchObject({ reason: 'hold-limit', held: 20 });
  });

  it('a degraded grant, also one that a strict manager refuses [R66, R70]', async () => {
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
});

it('tells nobody any more who stopped listening, and the others still', async () => {
  const { manager } = setUp();
  const seen: string[] = [];
  const stop = onLockEvent('granted', () => seen.push('one'));
  onTestFinished(onLockEvent('granted', () => seen.push('other')));
  await (await manager.acquire('mirror')).release();

  stop();
  stop();
  await (await manager.acquire('mirror')).release();

  expect(seen).toEqual(['one', 'other', 'other']);
});

it('publishes on diagnostics channels of known names, for those who listen without Holdfast', async () => {
  const { manager } = setUp();
  const seen: unknown[] = [];
  const listen = (message: unknown) => seen.push(message);
  subscribe('holdfast:granted', listen);
  onTestFinished(() => void unsubscribe('holdfast:granted', listen));

  await (await manager.acquire('mirror')).release();

  expect(seen).toMatchObject([{ resource: 'mirror' }]);
});
