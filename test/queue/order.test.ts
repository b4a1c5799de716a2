import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Child } from '../support/child.ts';
import { Thread } from '../support/thread.ts';
import { until } from '../support/until.ts';
import { Line, PATIENT } from './line.ts';

/** Longer than a waiter goes on looking after it was woken, in milliseconds. */
const QUIET = 150;
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

describe('processes that wait for one lock', () => {
  it('get it in the order of their tickets, whichever process was started first [R7]', async () => {
    const line = new Line();
    const agents = await line.agents(6);
    const pids = () => line.locks.inspect('mirror').waiters.map(({ record }) => record.pid);

    for (const order of [NAMES, [...NAMES].reverse(), ['d', 'a', 'f', 'b', 'e', 'c']]) {
      const before = line.turns.length;
      const held = await line.locks.acquire('mirror');
      const inLine: (number | undefined)[] = [];
      for (const name of order) {
        const agent = agents[NAMES.indexOf(name)] as (typeof agents)[0];
        await line.join(agent, name, PATIENT);
        inLine.push(agent.pid);
        await until(() => pids().join() === inLine.join(), `${name} is seen to wait, behind the others`);
      }

      await held.release();
      await Promise.all(NAMES.map((name, at) => line.turn(agents[at] as (typeof agents)[0], name)));

      expect(line.turns.slice(before)).toEqual(order);
    }

    expect(line.isOrderly).toBe(true);
    await until(() => line.leftBehind().length === 0, 'the queue is gone');
  });

  it('are not passed by one that comes while the lock is free but not yet taken by the first [R7]', async () => {
    const line = new Line();
    const [waiter, newcomer] = await line.agents(2);
    const held = await line.locks.acquire('mirror');
    const thaw = line.thaw();
    await line.join(waiter, 'waiter', { ...PATIENT, frozenUntil: thaw.path });
    await held.release();
    expect(line.locks.inspect('mirror').state).toBe('free');

    expect(await newcomer.couldAcquire('mirror')).toBe(false);
    expect(await newcomer.couldAcquire('mirror', { mode: 'shared' })).toBe(false);
    expect(await line.locks.tryAcquire('mirror')).toBeUndefined();
    await expect(newcomer.acquire('mirror', { timeout: 0 })).rejects.toMatchObject({ code: 'HOLDFAST_BUSY' });
    await expect(
      newcomer.run(({ manager }) => void manager.acquireSync('mirror', { timeout: 0 })),
    ).rejects.toMatchObject({ code: 'HOLDFAST_BUSY' });
    await line.join(newcomer, 'newcomer', PATIENT);
    expect(line.turns).toEqual([]);

    thaw.open();
    await line.turn(newcomer, 'newcomer');
    expect(line.turns).toEqual(['waiter', 'newcomer']);
    expect(line.isOrderly).toBe(true);
  });

  it('get it in turn with a thread of another process, and with those that wait synchronously [R7, H24]', async () => {
    const line = new Line();
    const [first, second, third] = await line.agents(3);
    const thread = await Thread.start(line.home);
    const held = await line.locks.acquire('mirror');
    await line.join(first, 'first', PATIENT);
    await line.join(second, 'second', { ...PATIENT, sync: true });
    expect(await thread.tell('wait', 'mirror', PATIENT)).toBe('waiting');
    await until(() => line.signedTickets.length === 3, 'the thread has a ticket');
    await line.join(third, 'third', { ...PATIENT, sync: true });

    await held.release();
    expect(await thread.message()).toBe('granted');
    expect(line.turns).toEqual(['first', 'second']);
    expect(line.tickets.length).toBeGreaterThan(0);
    await thread.tell('release');
    await line.turn(third, 'third');

    expect(line.turns).toEqual(['first', 'second', 'third']);
    await until(() => line.leftBehind().length === 0, 'the queue is gone');
  });
});

describe('readers and writers that wait', () => {
  it('go together while only readers are at the head; a writer stops the readers behind it [R4, R7]', async () => {
    const line = new Line();
    const [r1, r2, r3, writer, late] = await line.agents(5);
    const held = await line.locks.acquire('mirror');
    const reading = { ...PATIENT, mode: 'shared', keep: true } as const;
    await line.join(r1, 'r1', reading);
    await line.join(r2, 'r2', reading);
    await line.join(r3, 'r3', reading);
    await line.join(writer, 'writer', { ...PATIENT, keep: true });
    await line.join(late, 'late', reading);

    await held.release();
    await Promise.all([line.turn(r1, 'r1'), line.turn(r2, 'r2'), line.turn(r3, 'r3')]);

    expect(line.locks.inspect('mirror')).toMatchObject({ state: 'shared', holders: [{}, {}, {}] });
    expect(await line.locks.tryAcquire('mirror', { mode: 'shared' })).toBeUndefined();
    await line.leave(r1, 'r1');
    await line.leave(r3, 'r3');
    expect(await line.locks.tryAcquire('mirror', { mode: 'shared' })).toBeUndefined();
    expect([...line.turns].sort()).toEqual(['r1', 'r2', 'r3']);

    await line.leave(r2, 'r2');
    await line.turn(writer, 'writer');
    expect(line.turns.slice(3)).toEqual(['writer']);
    await line.leave(writer, 'writer');
    await line.turn(late, 'late');
    await line.leave(late, 'late');
    await until(() => line.leftBehind().length === 0, 'the queue is gone');
  });

  it('share the lock again with newcomers once no writer waits [R4, R7]', async () => {
    const line = new Line();
    const [reader, writer] = await line.agents(2);
    const held = await line.locks.acquire('mirror', { mode: 'shared' });
    await line.join(writer, 'writer', PATIENT);
    expect(await reader.couldAcquire('mirror', { mode: 'shared' })).toBe(false);
    await line.join(reader, 'reader', { ...PATIENT, mode: 'shared' });

    await line.abort(writer, 'writer');

    await line.turn(reader, 'reader');
    const other = await line.locks.tryAcquire('mirror', { mode: 'shared' });
    expect(other).toBeDefined();
    await other?.release();
    await held.release();
    await until(() => line.leftBehind().length === 0, 'the queue is gone');
  });
});

it('a release makes the first in line and the one behind it look at the lock, and nobody else', async () => {
  const line = new Line();
  const agents = await line.agents(5);
  const held = await line.locks.acquire('mirror');
  for (const [at, agent] of agents.entries()) {
    await line.join(agent, String(at), { ...PATIENT, keep: true });
  }
  const observed = await Promise.all(
    agents.map(async ({ pid }) => {
      const calls = ['-e', 'trace=flock,mkdir,mkdirat', '-e', 'signal=none', '-s', '4096'];
      const strace = new Child('strace', [...calls, '-p', String(pid)]);
      await strace.says(/attached/, 'stderr');
      return strace;
    }),
  );
  const looks = () => observed.map(({ stderr }) => stderr.split('flock(').length - 1);
  let marks = 0;
  const quiet = async () => {
    const mark = join(line.home, `mark ${++marks} `);
    await Promise.all(agents.map((agent) => agent.run(({ passTime }, ms) => passTime(ms), QUIET)));
    // Once a trace has come to this call, it has told of all looks before.
    await Promise.all(
      agents.map((agent) => agent.run(({ fs }, mark) => void fs.mkdirSync(mark + process.pid), mark)),
    );
    await Promise.all(
      observed.map((strace, at) => strace.says(new RegExp(`${mark}${agents[at]?.pid}`), 'stderr')),
    );
  };
  let before: number[];
  do {
    before = looks();
    await quiet();
  } while (looks().join() !== before.join());

  await held.release();
  await line.turn(agents[0], '0');
  const hasLooked = (at: number) => (looks()[at] as number) > (before[at] as number);
  await until(() => hasLooked(0) && hasLooked(1), 'the first and the second look');
  await quiet();

  const [first, second, ...others] = looks().map((count, at) => count - (before[at] as number));
  expect(first).toBeGreaterThan(0);
  expect(second).toBeGreaterThan(0);
  expect(others).toEqual([0, 0, 0]);
});
