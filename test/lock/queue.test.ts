import { existsSync, readdirSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type AcquireOptions, LockManager } from 'holdfast';
import { expect, it } from 'vitest';
import { queueDirectory } from '../../src/engine/kernel/entry.ts';
import { Agent } from '../support/agent.ts';
import { heard } from '../support/events.ts';
import { Latch } from '../support/latch.ts';
import { newPlace, type Place } from '../support/place.ts';
import { staysOpen } from '../support/turns.ts';
import { until, untilStopped } from '../support/until.ts';

const PATIENT = { timeout: 120_000 } as const;
/** Relies on being told: a waiter that looks by itself may pass one ahead that the system is slow to run. */
const ORDERLY = { ...PATIENT, pollInterval: 15_000 } as const;

/** One after another, each in line before the next one comes. */
async function lineUp(
  { locks }: Place,
  agents: readonly Agent[],
  modes: readonly string[] = [],
  options: AcquireOptions = ORDERLY,
) {
  for (const [at, agent] of agents.entries()) {
    const before = locks.inspect('mirror').waiters.length;
    await agent.wait('mirror', { ...options, mode: modes[at] === 'shared' ? 'shared' : 'exclusive' });
    await until(() => locks.inspect('mirror').waiters.length > before, `process ${agent.pid} stands in line`);
  }
}

const pids = (agents: readonly Agent[]) => agents.map(({ pid }) => pid);
const waiting = ({ locks }: Place) => locks.inspect('mirror').waiters.map(({ record }) => record.pid);

it('grants waits of several processes in the order in which they came [R7]', async () => {
  const place = newPlace();
  const agents = await Agent.several(place.home, 4);
  const lock = await place.locks.acquire('mirror');
  await lineUp(place, agents);
  expect(waiting(place)).toEqual(pids(agents));
  const order: number[] = [];
  const all = agents.map(async (agent) => {
    await agent.granted();
    order.push(agent.pid);
    await agent.release();
  });

  await lock.release();
  await Promise.all(all);

  expect(order).toEqual(pids(agents));
  expect(waiting(place)).toEqual([]);
});

it('does not let a newcomer pass those who wait, though the lock is free for a moment [R7]', async () => {
  const place = newPlace();
  const [first, newcomer] = await Agent.several(place.home, 2);
  const lock = await place.locks.acquire('mirror');
  await lineUp(place, [first]);
  const thaw = new Latch(join(place.home, 'thaw'));
  // Busy with something else. One that is stopped may be passed, once its ticket is some time old.
  const frozen = first.run(({ fs, tell }, thaw) => {
    tell('frozen');
    fs.closeSync(fs.openSync(thaw, 'r'));
  }, thaw.path);
  await first.heard('frozen');

  await lock.release();
  const passed = await newcomer.couldAcquire('mirror');
  thaw.open();
  await frozen;

  expect(passed).toBe(false);
  await first.granted();
});

it('does not let a stopped waiter at the head hold up the others for ever [R81]', async () => {
  const place = newPlace();
  const [head, next] = await Agent.several(place.home, 2);
  const lock = await place.locks.acquire('mirror');
  await lineUp(place, [head, next], [], PATIENT);
  head.signal('SIGSTOP');
  await untilStopped(head.pid);

  await lock.release();

  await next.granted();
  head.signal('SIGCONT');
  expect(await head.stillWaits()).toBe(true);
  await next.release();
  await head.granted();
});

it('passes over waiters that were killed, and clears away what they left [R81]', async () => {
  const place = newPlace();
  const [first, second, third] = await Agent.several(place.home, 3);
  const lock = await place.locks.acquire('mirror');
  await lineUp(place, [first, second, third]);

  await Promise.all([first.kill(), second.kill()]);
  expect(waiting(place)).toEqual(pids([third]));
  await lock.release();
  await third.granted();
  await third.release();

  expect(readdirSync(dirname(lock.path))).toEqual([lock.path.split('/').at(-1)]);
});

it('grants readers together, and neither past a writer that came before them [R4]', async () => {
  const place = newPlace();
  const agents = await Agent.several(place.home, 4);
  const [one, two, writer, late] = agents;
  const lock = await place.locks.acquire('mirror');
  await lineUp(place, agents, ['shared', 'shared', 'exclusive', 'shared']);

  await lock.release();
  await Promise.all([one.granted(), two.granted()]);
  expect(await late.stillWaits('lock', 3 * ORDERLY.pollInterval)).toBe(true);
  await Promise.all([one.release(), two.release()]);
  await writer.granted();
  await writer.release();

  await late.granted();
});

it('does not let readers that come and go keep a writer out [R81]', async () => {
  const place = newPlace();
  const [writer, other] = await Agent.several(place.home, 2);
  const reader = await place.locks.acquire('mirror', { mode: 'shared' });
  await lineUp(place, [writer]);

  expect(await other.couldAcquire('mirror', { mode: 'shared' })).toBe(false);
  await reader.release();

  await writer.granted();
});

it('tells a waiter its place among all processes, and again when it moves up [R8]', async () => {
  const place = newPlace();
  const [holder, first, second] = await Agent.several(place.home, 3);
  await holder.acquire('mirror');
  await lineUp(place, [first, second]);
  const waits = heard('waiting');
  const own = place.locks.acquire('mirror', ORDERLY);
  expect(place.locks.query().pending).toMatchObject([{ position: 3 }]);

  await holder.release();
  await first.granted();
  await first.release();
  await second.granted();
  await second.release();
  await (await own).release();

  const positions = waits.map(({ position }) => position);
  expect(positions[0]).toBe(3);
  expect(positions).toEqual([...new Set(positions)].sort((a, b) => b - a));
  expect(positions.at(-1)).toBe(1);
});

it('leaves nothing of a wait that ended, however it ended, beside the lock file [R12]', async () => {
  const place = newPlace();
  const agent = await Agent.start({ home: place.home });
  await agent.acquire('mirror');
  const { locks } = place;
  const beside = () =>
    readdirSync(locks.directory).filter((name) => name !== basename(locks.pathOf('mirror')));
  const abort = new AbortController();

  const late = locks.acquire('mirror', { timeout: 10 });
  await expect(late).rejects.toMatchObject({ code: 'HOLDFAST_TIMEOUT' });
  expect(beside()).toEqual([]);
  const given = locks.acquire('mirror', { signal: abort.signal });
  expect(await staysOpen(given)).toBe(true);
  expect(beside()).toHaveLength(1);
  abort.abort(new Error('given up'));
  await expect(given).rejects.toThrow('given up');
  expect(beside()).toEqual([]);
  const patient = locks.acquire('mirror', PATIENT);
  await agent.release();
  await (await patient).release();

  expect(beside()).toEqual([]);
});

it('is told by a waiter that asked not to be named without its name [R68]', async () => {
  const place = newPlace();
  const hidden = new LockManager({ directory: place.locks.directory, record: 'anonymous' });
  const agent = await Agent.start({ home: place.home });
  await agent.acquire('mirror');
  const wait = hidden.acquire('mirror', PATIENT);
  expect(await staysOpen(wait)).toBe(true);

  const { waiters } = place.locks.inspect('mirror');
  await agent.release();
  await (await wait).release();

  expect(waiters).toHaveLength(1);
  expect(waiters[0]?.mode).toBe('exclusive');
  expect(waiters[0]?.record).not.toHaveProperty('user');
  expect(waiters[0]?.record).not.toHaveProperty('command');
});

it('gets on when somebody empties the queue by hand [R66]', async () => {
  const place = newPlace();
  const agents = await Agent.several(place.home, 3);
  const lock = await place.locks.acquire('mirror');
  await lineUp(place, agents, [], PATIENT);

  const queue = queueDirectory(lock.path);
  for (const ticket of readdirSync(queue)) unlinkSync(join(queue, ticket));
  await lock.release();

  await Promise.all(agents.map((agent) => agent.granted().then(() => agent.release())));
  expect(existsSync(queue)).toBe(false);
});
