import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { heard } from '../support/events.ts';
import { newPlace } from '../support/place.ts';
import { staysOpen } from '../support/turns.ts';

describe('a manager', () => {
  it('derives the same lock file from the same name, everywhere, and another one from another [G17]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const names = ['mirror', 'Mirror', 'mirror ', 'a/b', 'a-b', 'a b', 'ü', '', '..', '.', 'x'.repeat(300)];
    const paths = names.filter((name) => name !== '').map((name) => locks.pathOf({ name }));

    const there = await agent.run(
      ({ manager }, names) => names.map((name) => manager.pathOf({ name })),
      names.filter((name) => name !== ''),
    );

    expect(there).toEqual(paths);
    expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(paths.length);
    expect(locks.pathOf({ name: 'mirror' })).toBe(locks.pathOf('mirror'));
    expect(locks.pathOf('mirror')).toMatch(/\/mirror~[0-9a-f]{20}\.lock$/);
  });
});

describe('acquire', () => {
  it('waits for one that another process holds, and gets it on its release [C2, R9]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror');
    const lock = locks.acquire('mirror');
    expect(await staysOpen(lock)).toBe(true);

    await agent.release();

    await (await lock).release();
  });

  it('tells of the wait once, with holder and place in line [R8, R82]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror', { purpose: 'nightly save' });
    const waits = heard('waiting');

    const [first, second] = [locks.acquire('mirror'), locks.acquire('mirror')];
    await agent.release();
    await (await first).release();
    await (await second).release();

    expect(waits.map(({ position }) => position)).toEqual([1, 2]);
    expect(waits[0]?.holders).toMatchObject([{ pid: agent.pid, purpose: 'nightly save' }]);
  });

  it('keeps one descriptor, however many wait [H23]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror');
    const abort = new AbortController();
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const first = locks.acquire('mirror', { signal: abort.signal });
    expect(await staysOpen(first)).toBe(true);
    const before = descriptors();

    const others = Array.from({ length: 100 }, () => locks.acquire('mirror', { signal: abort.signal }));
    expect(await staysOpen(first)).toBe(true);
    const after = descriptors();
    abort.abort(new Error('enough'));
    await Promise.allSettled([first, ...others]);

    expect(after).toBe(before);
  });

  it('can be told the lock is recovered, and tells of it once [R10, R45]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror', { purpose: 'half-done' });
    const recoveries = heard('recovered');
    const wait = locks.acquire('mirror');
    await agent.kill();

    const lock = await wait;
    expect(lock.recovered).toBe(true);
    await lock.release();
    const after = await locks.acquire('mirror');
    expect(after.recovered).toBe(false);
    await after.release();

    expect(recoveries.map(({ previous }) => previous)).toMatchObject([
      { pid: agent.pid, purpose: 'half-done' },
    ]);
  });
});

describe('tryAcquire', () => {
  it('gives a lock that is free and undefined for one that is not, without a wait [G11, R4]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const waits = heard('waiting');
    await agent.acquire('mirror', { mode: 'shared' });

    expect(await locks.tryAcquire('mirror')).toBe(undefined);
    const shared = await locks.tryAcquire('mirror', { mode: 'shared' });
    expect(shared?.mode).toBe('shared');
    expect(await locks.tryAcquire('mirror')).toBe(undefined);
    void shared?.release();
    await agent.release();

    const lock = await locks.tryAcquire('mirror');
    expect(lock?.mode).toBe('exclusive');
    await lock?.release();
    expect(waits).toEqual([]);
  });
});

describe('untilFree', () => {
  it('resolves when another process releases, and takes nothing', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror');
    const free = locks.untilFree('mirror');
    expect(await staysOpen(free)).toBe(true);

    await agent.release();
    await free;

    expect(locks.inspect('mirror').state).toBe('free');
  });
});
