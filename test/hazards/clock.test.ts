import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { tempDirectory } from '../support/temp.ts';

/** In seconds. */
const DAY = 86_400;
/** In milliseconds. */
const TIMEOUT = 60_000;

/** Runs a process whose clock shows what is in the file; the monotonic clock stays true unless it is faked too. */
function withClock(home: string, monotonic: 'true' | 'faked') {
  const file = join(home, 'clock');
  return {
    set: (offset: string) => writeFileSync(file, offset),
    start: () =>
      Agent.start({
        home,
        env: {
          LD_PRELOAD: '/usr/$LIB/faketime/libfaketime.so.1',
          FAKETIME_TIMESTAMP_FILE: file,
          FAKETIME_NO_CACHE: '1',
          FAKETIME_DONT_FAKE_MONOTONIC: monotonic === 'true' ? '1' : '0',
        },
      }),
  };
}

const now = () => Date.now();

describe.each(['+1d', '-1d'])('a wall clock that jumps by %s', (jump) => {
  const days = jump.startsWith('+') ? 1 : -1;

  it('leaves a timeout its monotonic length [H22, G9]', async () => {
    const home = tempDirectory();
    const clock = withClock(home, 'true');
    clock.set('+0');
    const [holder] = await Agent.several(home, 1);
    const waiter = await clock.start();
    await holder.acquire('mirror');
    const before = await waiter.run(now);
    await waiter.wait('mirror', { timeout: TIMEOUT });

    clock.set(jump);

    expect(Math.round(((await waiter.run(now)) - before) / 1000 / DAY)).toBe(days); // it did jump
    // The timer fires again and again, and each time the monotonic clock says that it is not yet time.
    expect(await waiter.stillWaits('lock', 2 * TIMEOUT)).toBe(true);
    await waiter.elapse(TIMEOUT);
    await expect(waiter.granted()).rejects.toMatchObject({
      code: 'HOLDFAST_TIMEOUT',
      waited: expect.toSatisfy((waited: number) => waited >= TIMEOUT),
    });
  });

  it('ends neither a lock nor its hold limit early [H22, G9, R11]', async () => {
    const home = tempDirectory();
    const clock = withClock(home, 'true');
    clock.set('+0');
    const holder = await clock.start();
    const [other] = await Agent.several(home, 1);
    await holder.acquire('mirror', { holdLimit: 20_000 });
    await holder.run(({ locks, values }) => {
      values.signal = locks.lock?.signal;
    });

    clock.set(jump);

    await holder.run(({ locks, passTime }) => passTime(10_000).then(() => locks.lock?.assertHeld()));
    expect(await holder.run(({ values }) => (values.signal as AbortSignal).aborted)).toBe(false);
    expect(await other.couldAcquire('mirror')).toBe(false);
    const { holders } = await other.run(({ manager }) => manager.inspect('mirror'));
    expect(holders).toMatchObject([{ pid: holder.pid }]);
    await holder.release();
    expect(await other.couldAcquire('mirror')).toBe(true);
  });

  it('does not stop tokens from rising [H22]', async () => {
    const home = tempDirectory();
    const clock = withClock(home, 'true');
    clock.set('+0');
    const agent = await clock.start();
    const token = async () => {
      await agent.acquire('mirror');
      const value = (await agent.run(({ locks }) => locks.lock?.token)) as number;
      await agent.release();
      return value;
    };
    const first = await token();

    clock.set(jump);

    const second = await token();
    clock.set('+0');
    const third = await token();
    expect([first < second, second < third]).toEqual([true, true]);
  });

  it('is no reason to take the holder for anything but alive [H22, R11]', async () => {
    const home = tempDirectory();
    const clock = withClock(home, 'true');
    clock.set(jump);
    const [holder] = await Agent.several(home, 1);
    const stranger = await clock.start();
    await holder.acquire('mirror');

    await expect(stranger.acquire('mirror', { timeout: 0 })).rejects.toMatchObject({
      code: 'HOLDFAST_BUSY',
      holders: [{ pid: holder.pid }],
    });

    await holder.run(({ locks }) => locks.lock?.assertHeld());
  });
});

it('works in a process whose clocks are all shifted: locks exclude, waits end, waiters are woken [H22]', async () => {
  const home = tempDirectory();
  const clock = withClock(home, 'faked');
  clock.set('+1d');
  const shifted = await clock.start();
  const [plain] = await Agent.several(home, 1);
  await plain.acquire('mirror');

  await expect(shifted.acquire('mirror', { timeout: 50 })).rejects.toMatchObject({
    code: 'HOLDFAST_TIMEOUT',
  });
  await shifted.wait('mirror', { timeout: 120_000, pollInterval: 60_000 });
  await plain.release();
  await shifted.granted();

  expect(await plain.couldAcquire('mirror')).toBe(false);
});
