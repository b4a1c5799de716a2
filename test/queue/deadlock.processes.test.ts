import { rmSync } from 'node:fs';
import { LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { engine as holdfastEngine } from '../../src/engine/index.ts';
import { parseName, queueDirectory } from '../../src/engine/kernel/entry.ts';
import type { Agent } from '../support/agent.ts';
import { StoppedClock } from '../support/clock.ts';
import { LONG, staysOpen } from '../support/turns.ts';
import { until } from '../support/until.ts';
import { entries, Line, PATIENT } from './line.ts';

interface Step {
  readonly name: string;
  readonly mode?: 'exclusive' | 'shared';
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly cycle: readonly string[];
}

/** Holds one lock in a `with`, says so, and asks for the next when it is told; 'granted' or the error. */
function cross(agent: Agent, holds: Step, wants: Step, as = ''): Promise<Failure | 'granted'> {
  return agent.run(
    ({ manager, values, tell }, holds, wants, as, patient) =>
      manager.with(
        holds.name,
        { mode: holds.mode ?? 'exclusive', ...patient, purpose: `job ${holds.name}` },
        async () => {
          const told = new Promise<void>((resolve) => {
            values[`go${as}`] = resolve;
          });
          tell(`holds ${holds.name}${as}`);
          await told;
          try {
            const options = { mode: wants.mode ?? 'exclusive', ...patient, purpose: `job ${holds.name}` };
            return await manager.with(wants.name, options, () => 'granted' as const);
          } catch (error) {
            const { code, message, cycle } = error as Failure;
            return { code, message, cycle };
          }
        },
      ),
    holds,
    wants,
    as,
    { timeout: 60_000 },
  );
}

const held = (agent: Agent, { name }: Step, as = '') => agent.heard(`holds ${name}${as}`);
const go = (agent: Agent, as = '') => agent.run(({ values }, as) => (values[`go${as}`] as () => void)(), as);

/** The directories beside the locks of these names, which are there while somebody waits or has left a note. */
const queues = (line: Line) =>
  entries(line.locks.directory).filter((name) => name.endsWith(queueDirectory('')));

function notesAt(line: Line, name: string): string[] {
  return entries(queueDirectory(line.locks.pathOf(name))).filter(
    (entry) => parseName('', entry)?.kind === 'waits',
  );
}

describe('processes that wait in a circle', () => {
  it.each([
    { count: 2, order: [0, 1] },
    { count: 3, order: [2, 0, 1] },
    { count: 5, order: [3, 1, 4, 0, 2] },
  ])(
    'of $count: the youngest fails and names every step, the others go on [R81]',
    async ({ count, order }) => {
      const line = new Line();
      const agents: readonly Agent[] = await line.agents(count);
      const steps = Array.from({ length: count }, (_, at) => ({ name: `r${at}` }));
      const step = (at: number) => steps[at % count] as Step;
      const ends = agents.map((agent, at) => cross(agent, step(at), step(at + 1)));
      await Promise.all(agents.map((agent, at) => held(agent, step(at))));

      // One after the other, so that the one that closes the circle is known.
      const youngest = order.at(-1) as number;
      for (const at of order) {
        await go(agents[at] as Agent);
        const waits = () => line.locks.inspect(step(at + 1).name).waiters.map(({ record }) => record.pid);
        await until(() => at === youngest || waits().includes(agents[at]?.pid), `${at} waits`);
      }

      const outcomes = await Promise.all(ends);
      expect(outcomes.map((end) => (end === 'granted' ? end : end.code))).toEqual(
        agents.map((_, at) => (at === youngest ? 'HOLDFAST_DEADLOCK' : 'granted')),
      );
      const { cycle, message } = outcomes[youngest] as Failure;
      const sentence = (at: number) =>
        `"job ${step(at).name}" (pid ${agents[at % count]?.pid}) holds ${step(at).name} and waits for ${step(at + 1).name}`;
      expect(cycle).toEqual(Array.from({ length: count }, (_, n) => sentence(youngest + n)));
      expect(message).toContain(cycle.join('; '));
      await until(() => queues(line).length === 0, 'nothing is left of notes and tickets');
    },
  );

  it('over locks that are shared: the youngest fails, the others go on [R81]', async () => {
    const line = new Line();
    const [a, b, c] = await line.agents(3);
    const shared = { name: 'r0', mode: 'shared' } as const;
    // Two readers of r0; one of them waits for r1, whose holder wants to write r0.
    const ends = [
      cross(a, shared, { name: 'r1' }),
      cross(b, shared, { name: 'r2' }),
      cross(c, { name: 'r1' }, { name: 'r0' }),
    ];
    await Promise.all([held(a, shared), held(b, shared), held(c, { name: 'r1' })]);
    await go(a);
    await until(() => line.locks.inspect('r1').waiters.length === 1, 'a reader waits for r1');

    await go(c);

    expect(await ends[2]).toMatchObject({ code: 'HOLDFAST_DEADLOCK' });
    expect(((await ends[2]) as Failure).cycle).toEqual([
      `"job r1" (pid ${c.pid}) holds r1 and waits for r0`,
      `"job r0" (pid ${a.pid}) holds r0 and waits for r1`,
    ]);
    expect(await ends[0]).toBe('granted');
    await go(b);
    expect(await ends[1]).toBe('granted');
    await until(() => queues(line).length === 0, 'nothing is left of notes and tickets');
  });

  it('may be killed: the circle is open then, and nobody fails [R81, R10]', async () => {
    const line = new Line();
    const [a, b, c] = await line.agents(3);
    const [r0, r1, r2] = [{ name: 'r0' }, { name: 'r1' }, { name: 'r2' }];
    const first = cross(a, r0, r1);
    void cross(b, r1, r2).catch(() => {});
    const third = cross(c, r2, r0);
    await Promise.all([held(a, r0), held(b, r1), held(c, r2)]);
    await go(a);
    await go(b);
    await until(
      () => notesAt(line, 'r0').length === 1 && notesAt(line, 'r1').length === 1,
      'both left a note',
    );

    await b.kill();
    await go(c);

    expect(await Promise.all([first, third])).toEqual(['granted', 'granted']);
    for (const { name } of [r0, r1, r2]) await (await line.locks.acquire(name)).release();
    expect(queues(line)).toEqual([]);
  });
});

describe('a lock that its waiting holder lost while it was stopped', () => {
  it.each(['kernel', 'portable'] as const)(
    'is no part of a deadlock, though the note of that wait is still there, by the %s engine [X57]',
    async (engine) => {
      const line = new Line();
      const [stopped, next, searcher] = await line.agents(3);
      const [a, b] = [{ name: 'a' }, { name: 'b' }];
      for (const agent of [stopped, searcher]) await agent.manage({ engine });
      const lost = cross(stopped, a, b).catch((error: Failure) => error);
      const search = cross(searcher, b, a);
      await Promise.all([held(stopped, a), held(searcher, b)]);
      await go(stopped);
      await until(() => holdfastEngine.waitsOf(line.locks.pathOf('a')).length === 1, 'its wait is noted');
      stopped.signal('SIGSTOP');
      rmSync(line.locks.pathOf('a'), { recursive: true });
      await next.acquire('a', { engine });

      await go(searcher);
      await until(() => line.locks.inspect('a').waiters.length === 1, 'the searcher waits');
      await searcher.run(({ passTime }, ms) => passTime(ms), LONG);
      expect(await staysOpen(search)).toBe(true);

      await next.release();
      expect(await search).toBe('granted');
      stopped.signal('SIGCONT');
      expect(await lost).toMatchObject({ code: 'HOLDFAST_LOST' });
    },
  );
});

describe('flows of one process that wait in a circle', () => {
  it('are treated as processes are: the youngest fails, the other goes on [R81]', async () => {
    const line = new Line();
    const [agent] = await line.agents(1);
    const [r0, r1] = [{ name: 'r0' }, { name: 'r1' }];
    const ends = [cross(agent, r0, r1, ' one'), cross(agent, r1, r0, ' two')];
    await Promise.all([held(agent, r0, ' one'), held(agent, r1, ' two')]);

    await go(agent, ' two');
    await go(agent, ' one');

    expect(await ends[1]).toBe('granted');
    expect(((await ends[0]) as Failure).cycle).toEqual([
      `"job r0" (pid ${agent.pid}) holds r0 and waits for r1`,
      `"job r1" (pid ${agent.pid}) holds r1 and waits for r0`,
    ]);
    await until(() => queues(line).length === 0, 'nothing is left of notes and tickets');
  });

  it('are recognised across processes when they name what they hold, and only wait when they do not [R81]', async () => {
    const line = new Line();
    const [agent] = await line.agents(1);
    const [r0] = [await line.locks.acquire('r0')];
    await agent.acquire('r1', {}, 'r1');
    const other = agent.run(async ({ manager, locks }) => {
      const own = locks.r1 as (typeof locks)[string];
      const lock = await manager.acquire('r0', { timeout: 60_000, holding: [own] });
      await lock.release();
      await own.release();
    });
    await until(() => notesAt(line, 'r1').length === 1, 'the other process left a note');
    const silent = new AbortController();
    const unnamed = line.locks.acquire('r1', { ...PATIENT, signal: silent.signal });

    await expect(line.locks.acquire('r1', { ...PATIENT, holding: [r0] })).rejects.toMatchObject({
      code: 'HOLDFAST_DEADLOCK',
      resource: 'r1',
    });

    silent.abort();
    await expect(unnamed).rejects.toMatchObject({ name: 'AbortError' });
    await r0.release();
    await other;
    await until(() => queues(line).length === 0, 'nothing is left of notes and tickets');
  });
});

it('gives no alarm to processes that take several locks at random in one order, for all their waits [X57]', async () => {
  const line = new Line();
  const agents = await line.agents(4);
  const errors = await Promise.all(
    agents.map((agent, seed) =>
      agent.run(async ({ manager, timers, passTime }, seed) => {
        let state = seed + 1;
        const random = () => {
          state = (state * 16807) % 2147483647;
          return state / 2147483647;
        };
        const all = ['r0', 'r1', 'r2', 'r3', 'r4'];
        const nest = async (names: readonly string[]): Promise<void> => {
          const [name, ...rest] = names;
          // Longer than it takes a wait to be examined, now and then.
          if (name === undefined) return random() < 0.3 ? passTime(150) : timers.setImmediate();
          const mode = random() < 0.5 ? 'shared' : 'exclusive';
          await manager.with(name, { timeout: 60_000, mode }, () => nest(rest));
        };
        const errors: string[] = [];
        const flow = async () => {
          for (let n = 0; n < 6; n++) {
            await nest(all.filter(() => random() < 0.6)).catch((error) => errors.push(String(error)));
          }
        };
        await Promise.all([flow(), flow(), flow()]);
        return errors;
      }, seed),
    ),
  );

  expect(errors.flat()).toEqual([]);
  await until(() => queues(line).length === 0, 'nothing is left of notes and tickets');
});

it('leaves no notes, and no alarms, of waits that ended in any other way [R81, R12]', async () => {
  const line = new Line();
  const locks = new LockManager({ directory: line.locks.directory });
  const outer = await locks.acquire('r1');
  const inside = (options: object) =>
    locks.with('r0', async () => {
      const wait = locks.acquire('r1', options);
      const ended = wait.then(
        (lock) => lock.release(),
        () => {},
      );
      await until(() => notesAt(line, 'r0').length === 1, 'the wait is noted');
      return { ended };
    });

  const timedOut = await inside(PATIENT);
  const clock = new StoppedClock();
  await clock.elapse(PATIENT.timeout);
  await timedOut.ended;
  clock.resume();
  const abort = new AbortController();
  const aborted = await inside({ ...PATIENT, signal: abort.signal });
  abort.abort();
  await aborted.ended;
  expect(queues(line)).toEqual([]);

  const granted = await inside(PATIENT);
  await outer.release();
  await granted.ended;
  await until(() => queues(line).length === 0, 'nothing is left of notes and tickets');
});
