import { describe, expect, it } from 'vitest';
import { until, untilStopped } from '../support/until.ts';
import { Line, PATIENT, wipe } from './line.ts';

const NAMES = ['head', 'middle', 'tail'] as const;
type Name = (typeof NAMES)[number];

/** A held lock with three processes in line; the fate of one of them is the test's to choose. */
async function threeInLine(special: Name, options: object, others: object = PATIENT) {
  const line = new Line();
  const agents = await line.agents(3);
  const held = await line.locks.acquire('mirror');
  for (const [at, name] of NAMES.entries()) {
    await line.join(agents[at] as (typeof agents)[0], name, name === special ? options : others);
  }
  const agentOf = (name: Name) => agents[NAMES.indexOf(name)] as (typeof agents)[0];
  const rest = NAMES.filter((name) => name !== special);
  return { line, held, agent: agentOf(special), agentOf, rest };
}

type Three = Awaited<ReturnType<typeof threeInLine>>;

/** Without a single look of their own in all that time: every one of them is woken by what happened ahead of it. */
async function expectTheRestInOrder({ line, held, agentOf, rest }: Three): Promise<void> {
  await held.release();
  await Promise.all(rest.map((name) => line.turn(agentOf(name), name)));
  expect(line.turns).toEqual(rest);
  expect(line.isOrderly).toBe(true);
  await until(() => line.leftBehind().length === 0, 'nothing is left behind');
}

describe.each(NAMES)('of three that wait, the one at the %s', (special) => {
  it('may be killed: its ticket goes, and the others get their turns in order [R7, R81]', async () => {
    const three = await threeInLine(special, PATIENT);

    await three.agent.kill();

    await expectTheRestInOrder(three);
  });

  it('may be killed after the release, in its turn or before: the others get theirs [R7, R10, R81]', async () => {
    const three = await threeInLine(special, { ...PATIENT, keep: true });
    const { line, held, agent, agentOf, rest } = three;

    await held.release();
    await agent.kill();

    await Promise.all(rest.map((name) => line.turn(agentOf(name), name)));
    expect(line.turns.filter((name) => name !== special)).toEqual(rest);
    await until(() => line.leftBehind().length === 0, 'nothing is left behind');
  });

  it('may be aborted: the others get their turns in order [R7]', async () => {
    const three = await threeInLine(special, PATIENT);
    const { line, agent } = three;

    await line.abort(agent, special);
    await expect(line.turn(agent, special)).rejects.toMatchObject({ name: 'AbortError' });
    expect(line.tickets).toHaveLength(2);

    await expectTheRestInOrder(three);
  });

  it('may run out of time: the others get their turns in order [R7]', async () => {
    const line = new Line();
    const thaw = line.thaw();
    // Its time is up long before the others are in line, but it cannot know before its event loop moves.
    const options = { ...PATIENT, timeout: 1, frozenUntil: thaw.path };
    const three = await threeInLine(special, options);
    thaw.open();
    await expect(three.line.turn(three.agent, special)).rejects.toMatchObject({ code: 'HOLDFAST_TIMEOUT' });
    expect(three.line.tickets).toHaveLength(2);

    await expectTheRestInOrder(three);
  });

  it('may be stopped: the others do not wait for it, and it has its turn when it goes on [R7, R81]', async () => {
    const patient = { timeout: 120_000 };
    const { line, held, agent, agentOf, rest } = await threeInLine(special, patient, patient);
    agent.signal('SIGSTOP');
    await untilStopped(agent.pid);

    await held.release();
    await Promise.all(rest.map((name) => line.turn(agentOf(name), name)));
    expect([...line.turns].sort()).toEqual([...rest].sort()); // each passes it by itself, so in any order
    agent.signal('SIGCONT');
    await line.turn(agent, special);
    expect(line.turns.at(-1)).toBe(special);
    expect(line.isOrderly).toBe(true);
    await until(() => line.leftBehind().length === 0, 'nothing is left behind');
  });

  it('may be too busy to take its turn: the others do not wait for it for ever [R7, R81]', async () => {
    const line = new Line();
    const thaw = line.thaw();
    const three = await threeInLine(
      special,
      { timeout: 120_000, frozenUntil: thaw.path },
      { timeout: 120_000 },
    );

    await three.held.release();
    await Promise.all(three.rest.map((name) => three.line.turn(three.agentOf(name), name)));
    expect([...three.line.turns].sort()).toEqual([...three.rest].sort());

    thaw.open();
    await three.line.turn(three.agent, special);
    await until(() => three.line.leftBehind().length === 0, 'nothing is left behind');
  });
});

it('three that wait may all be killed: the next one finds the lock free and nothing of them [R81]', async () => {
  const line = new Line();
  const agents = await line.agents(3);
  const held = await line.locks.acquire('mirror');
  for (const [at, agent] of agents.entries()) await line.join(agent, NAMES[at] as Name, PATIENT);
  await Promise.all(agents.map((agent) => agent.kill()));
  expect(line.tickets).toHaveLength(3);
  await held.release();

  const lock = await line.locks.tryAcquire('mirror');

  expect(lock?.recovered).toBe(false);
  expect(line.tickets).toEqual([]);
  await lock?.release();
  expect(line.leftBehind()).toEqual([]);
});

it('a synchronous waiter may be killed, and does not wait for one that was [R7, R81]', async () => {
  const line = new Line();
  const [first, second, third] = await line.agents(3);
  const held = await line.locks.acquire('mirror');
  await line.join(first, 'first', PATIENT);
  await line.join(second, 'second', { ...PATIENT, sync: true });
  await line.join(third, 'third', { ...PATIENT, sync: true });
  await first.kill();
  await second.kill();

  await held.release();

  await line.turn(third, 'third');
  expect(line.turns).toEqual(['third']);
  await until(() => line.leftBehind().length === 0, 'nothing is left behind');
});

it('the queue may be wiped by hand while several wait: all get the lock, one at a time [R7, R81]', async () => {
  const line = new Line();
  const agents = await line.agents(4);
  const held = await line.locks.acquire('mirror');
  for (const [at, agent] of agents.entries()) await line.join(agent, String(at), PATIENT);

  wipe(line.queue);
  await held.release();

  await Promise.all(agents.map((agent, at) => line.turn(agent, String(at))));
  expect([...line.turns].sort()).toEqual(['0', '1', '2', '3']);
  expect(line.isOrderly).toBe(true);
  await until(() => line.leftBehind().length === 0, 'nothing is left behind');
});

it('those whose tickets were wiped away take new ones, and are in order again [R7]', async () => {
  const line = new Line();
  const agents = await line.agents(3);
  const held = await line.locks.acquire('mirror');
  for (const [at, agent] of agents.entries()) await line.join(agent, String(at), PATIENT);

  // Those behind are told of the wipe. The head is not, and learns of it by its next look at things. After that, nobody has
  // another one, by which to pass a head that is slow to wake up.
  wipe(line.queue);
  await agents[0].elapse(PATIENT.pollInterval);
  await until(() => line.signedTickets.length === 3, 'all have tickets again');
  const order = line.locks
    .inspect('mirror')
    .waiters.map(({ record }) => String(agents.findIndex(({ pid }) => pid === record.pid)));
  await held.release();

  await Promise.all(agents.map((agent, at) => line.turn(agent, String(at))));
  expect(line.turns).toEqual(order);
});
