import { onLockEvent } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { heard, lossOf } from '../support/events.ts';
import { locksIn, newLocks, newPlace } from '../support/place.ts';

describe('a lock that goes to the next waiter of the same thread', () => {
  it('is described as that one’s own: purpose, child and time [G12]', async () => {
    const locks = newLocks();
    const first = await locks.acquire('mirror', { purpose: 'one' });
    first.recordChild({ pid: 4711 });
    const second = locks.acquire('mirror', { purpose: 'two' });
    const third = locks.acquire('mirror');

    await first.release();
    const two = await second;
    expect(locks.inspect('mirror').holders).toMatchObject([{ pid: process.pid, purpose: 'two' }]);
    expect(locks.inspect('mirror').holders[0]).not.toHaveProperty('child');
    two.recordChild({ pid: 4712 });
    await two.release();

    const three = await third;
    const [holder] = locks.inspect('mirror').holders;
    expect(holder).not.toHaveProperty('purpose');
    expect(holder).not.toHaveProperty('child');
    three.recordChild({ pid: 4713 });
    const fourth = locks.acquire({ name: 'mirror' });
    await three.release();
    const four = await fourth;
    expect(locks.inspect('mirror').holders[0]).not.toHaveProperty('child');
    await four.release();
  });

  it('does not tell of the one before who asked not to be named, nor name the next who asked so [R68]', async () => {
    const { home, locks } = newPlace();
    const hidden = locksIn(home, { record: 'anonymous' });
    const first = await locks.acquire('mirror');
    const second = hidden.acquire('mirror');
    const third = locks.acquire('mirror');
    const holder = () => locks.inspect('mirror').holders[0];
    expect(holder()?.command).not.toBe(undefined);

    await first.release();
    const two = await second;
    expect([holder()?.user, holder()?.command]).toEqual([undefined, undefined]);
    await two.release();
    const three = await third;
    expect(holder()).toMatchObject({ pid: process.pid });

    await three.release();
  });

  it('has its own end: its limit, its check and its signal are not those of the one before [R11]', async () => {
    const locks = newLocks();
    const losses = heard('lost');
    const first = await locks.acquire('mirror', { holdLimit: 60_000 });
    const { signal } = first;
    const second = locks.acquire('mirror', { holdLimit: 20 });

    await first.release();
    const lock = await second;
    expect(() => first.assertHeld()).toThrow(expect.objectContaining({ reason: 'released' }));
    await first.release();
    await lossOf(lock.signal);

    expect(losses).toHaveLength(1);
    expect(signal.aborted).toBe(false);
    expect(locks.inspect('mirror').state).toBe('free');
  });

  it('is told as released before it is told as granted [R70]', async () => {
    const locks = newLocks();
    const first = await locks.acquire('mirror');
    const second = locks.acquire('mirror');
    const steps: string[] = [];
    const note = (step: string) => ({ push: () => steps.push(step) });
    const stops = [
      onLockEvent('released', note('released').push),
      onLockEvent('granted', note('granted').push),
    ];

    await first.release();
    await (await second).release();

    for (const stop of stops) stop();
    expect(steps).toEqual(['released', 'granted', 'released']);
  });
});
