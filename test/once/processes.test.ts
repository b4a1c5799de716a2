import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { OnceOptions } from 'holdfast/once';
import { beforeAll, describe, expect, it } from 'vitest';
import { placeOf } from '../../src/once/scope.ts';
import { Agent, type Remote } from '../support/agent.ts';
import { within } from '../support/deadline.ts';
import { locksIn, newHome } from '../support/place.ts';
import { injecting } from '../support/tool.ts';
import { until } from '../support/until.ts';
import { countedOnce, linesOf } from './work.ts';

/** `npm run test:once` runs 100. */
const ROUNDS = Number(process.env.HOLDFAST_ONCE_ROUNDS ?? 3);
const PROCESSES = 20;

beforeAll(() => {
  if (!Number.isInteger(ROUNDS) || ROUNDS < 1) throw new Error('HOLDFAST_ONCE_ROUNDS must be a whole number');
});

/** Work that is under way until the process is told to go on by `release`, or killed. */
const heldOnce = ({ once, fs, tell, values }: Remote, key: string, file: string, options: OnceOptions) =>
  once(
    key,
    async ({ attempt }) => {
      fs.appendFileSync(file, `${process.pid}\n`);
      tell(`running ${key}`);
      if (attempt === 1) {
        await new Promise<void>((resolve) => {
          values.release = resolve;
        });
      }
      return { by: process.pid, attempt };
    },
    options,
  );

const release = ({ values }: Remote) => (values.release as () => void)();

/** Resolves with the agent that runs the work. */
function runnerOf(agents: readonly Agent[], key: string): Promise<Agent> {
  return Promise.race(agents.map((agent) => agent.heard(`running ${key}`).then(() => agent)));
}

/** All others wait for the lock of the key. */
async function untilWaiting(home: string, key: string, count: number): Promise<void> {
  const manager = locksIn(home);
  await until(() => manager.inspect(`once:${key}`).waiters.length >= count, `${count} processes wait`);
}

describe('20 processes that call with one key at the same instant', () => {
  it(`run it once, and get 20 equal results, in ${ROUNDS} rounds [A1]`, { timeout: 600_000 }, async () => {
    const home = newHome();
    const agents = await Agent.several(home, PROCESSES);
    for (let round = 0; round < ROUNDS; round++) {
      const file = join(home, `runs-${round}`);
      const results = await Promise.all(
        agents.map((agent) => agent.run(countedOnce, `round ${round}`, file, {})),
      );
      expect(linesOf(file)).toHaveLength(1);
      expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
      expect(results[0]).toEqual({ by: Number(linesOf(file)[0]), attempt: 1 });
    }
  });

  it(`run it once more when the first runner is killed -9 in the middle, in ${ROUNDS} rounds [A1, H16]`, {
    timeout: 600_000,
  }, async () => {
    const home = newHome();
    const agents: Agent[] = await Agent.several(home, PROCESSES);
    for (let round = 0; round < ROUNDS; round++) {
      const key = `round ${round}`;
      const file = join(home, `runs-${round}`);
      const calls = new Map(agents.map((agent) => [agent, agent.run(heldOnce, key, file, {})]));
      for (const call of calls.values()) call.catch(() => {});
      const runner = await runnerOf(agents, key);
      await untilWaiting(home, key, PROCESSES - 1);

      await runner.kill();
      agents.splice(agents.indexOf(runner), 1);

      const results = await within(Promise.all(agents.map((agent) => calls.get(agent))), 'the other results');
      expect(linesOf(file)).toHaveLength(2);
      expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
      expect(results[0]).toEqual({ by: Number(linesOf(file)[1]), attempt: 2 });
      agents.push(await Agent.start({ home }));
    }
  });
});

it('processes on the portable engine run it once too, and once more when the runner is killed [A1, R15]', async () => {
  const home = newHome();
  const env = { HOLDFAST_ENGINE: 'portable' };
  const agents = await Promise.all(Array.from({ length: 8 }, () => Agent.start({ home, env })));
  const file = join(home, 'runs');
  const calls = agents.map((agent) => agent.run(heldOnce, 'build', file, {}));
  for (const call of calls) call.catch(() => {});
  const runner = await runnerOf(agents, 'build');
  await runner.kill();
  const others = calls.filter((_, index) => agents[index] !== runner);
  const results = await within(Promise.all(others), 'the other results');
  expect(linesOf(file)).toHaveLength(2);
  expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
  expect(results[0]).toEqual({ by: Number(linesOf(file)[1]), attempt: 2 });
});

describe('a waiter in another process', () => {
  const started = async (home: string, count: 1 | 2 = 1) => {
    const [runner, ...waiters] = await Agent.several(home, 3);
    const file = join(home, 'runs');
    const running = runner.run(heldOnce, 'build', file, {});
    running.catch(() => {});
    await runner.heard('running build');
    return { runner, waiters: waiters.slice(0, count), file, running };
  };

  it('that gives up by its time-out or its signal does not disturb the run [A15]', async () => {
    const home = newHome();
    const { runner, waiters, file, running } = await started(home);
    const [waiter] = waiters as [Agent];
    const timedOut = waiter.run(countedOnce, 'build', file, { timeout: 1 });
    await expect(timedOut).rejects.toMatchObject({
      code: 'HOLDFAST_TIMEOUT',
      message: expect.stringMatching(
        /once:build is held by .*pid \d+.*waited.*holdfast once --scope user --peek build/,
      ),
    });
    const aborted = waiter.run(({ once }) => once('build', () => 0, { signal: AbortSignal.timeout(1) }));
    await expect(aborted).rejects.toMatchObject({ name: 'TimeoutError' });

    await runner.run(release);
    expect(await running).toEqual({ by: runner.pid, attempt: 1 });
    expect(await waiter.run(countedOnce, 'build', file, {})).toEqual({ by: runner.pid, attempt: 1 });
    expect(linesOf(file)).toHaveLength(1);
  });

  it('that is killed does not disturb the run [A15]', async () => {
    const home = newHome();
    const { runner, waiters, file, running } = await started(home);
    const [waiter] = waiters as [Agent];
    waiter.run(countedOnce, 'build', file, {}).catch(() => {});
    await untilWaiting(home, 'build', 1);
    await waiter.kill();
    await runner.run(release);
    expect(await running).toMatchObject({ by: runner.pid });
  });

  it('shares the failure of the run it waited for, with its name and message; a later call runs again [A1, A14]', async () => {
    const home = newHome();
    const [runner, waiter] = await Agent.several(home, 2);
    const failing = runner.run(async ({ once, tell, values }) =>
      once('build', async () => {
        tell('running');
        await new Promise<void>((resolve) => {
          values.release = resolve;
        });
        throw Object.assign(new TypeError('no such target'), { code: 'E_TARGET' });
      }),
    );
    failing.catch(() => {});
    await runner.heard('running');
    const shared = waiter.run(({ once }) => once('build', () => 'a run of its own'));
    shared.catch(() => {});
    await untilWaiting(home, 'build', 1);
    await runner.run(release);

    await expect(failing).rejects.toMatchObject({ name: 'TypeError', code: 'E_TARGET' });
    await expect(shared).rejects.toMatchObject({
      code: 'HOLDFAST_ONCE_FAILED',
      key: 'build',
      failure: { name: 'TypeError', message: 'no such target', code: 'E_TARGET' },
      message: expect.stringMatching(/run of build by .*pid \d+.* failed: TypeError: no such target/),
    });
    expect(await waiter.run(({ once }) => once('build', () => 'a run of its own'))).toBe('a run of its own');
  });

  it('gives up when as many runners as `attempts` says died one after the other; a later call tries again', async () => {
    const home = newHome();
    const agents = await Agent.several(home, 3);
    const die = ({ once, tell }: Remote) =>
      once(
        'build',
        async ({ attempt }) => {
          tell(`attempt ${attempt}`);
          await new Promise(() => {});
        },
        { attempts: 2 },
      );
    const [first, ...others] = agents;
    first.run(die).catch(() => {});
    await first.heard('attempt 1');
    const calls = others.map((agent) => agent.run(die));
    for (const call of calls) call.catch(() => {});
    await untilWaiting(home, 'build', 2);
    await first.kill();
    const second = await Promise.race(others.map((agent) => agent.heard('attempt 2').then(() => agent)));
    await second.kill();

    const survivor = others.indexOf(second) === 0 ? 1 : 0;
    await expect(calls[survivor]).rejects.toMatchObject({
      code: 'HOLDFAST_ONCE_ABANDONED',
      attempts: 2,
      message: expect.stringContaining(
        'build was tried 2 times in a row without a result; the last run ended without a word, as when it is killed',
      ),
    });
    const last = others[survivor] as Agent;
    expect(await last.run(({ once }) => once('build', () => 'at last', { attempts: 2 }))).toBe('at last');
  });

  it('never finds a torn record or a litter of temporary files after runners were killed while they recorded [G4, H16]', async () => {
    const home = newHome();
    const { records } = placeOf('build');
    const temporaries = () => readdirSync(records).filter((name) => name.endsWith('.tmp'));
    // The first sync is that of the outcome, the second that of its directory, after it was renamed.
    for (const when of [1, 2]) {
      const victim = await Agent.start({
        home,
        through: injecting('fsync', `signal=SIGKILL:when=${when}`),
        env: { UV_THREADPOOL_SIZE: '1' },
      });
      const [next] = await Agent.several(home, 1);
      const file = join(home, `runs-${when}`);
      await expect(victim.run(countedOnce, 'build', file, {})).rejects.toThrow('SIGKILL');
      expect(linesOf(file)).toEqual([String(victim.pid)]);
      expect(temporaries()).toHaveLength(2 - when);

      const by = when === 1 ? next.pid : victim.pid;
      expect(await next.run(countedOnce, 'build', file, {})).toEqual({ by, attempt: 1 });
      expect(temporaries()).toEqual([]);
      expect(await next.run(countedOnce, 'build', file, {})).toEqual({ by, attempt: 1 });
      expect(linesOf(file).map(Number)).toEqual([...new Set([victim.pid, by])]);
      rmSync(records, { recursive: true });
    }
  });
});

it('a run whose lock was replaced while it worked records nothing, and its call fails [H7]', async () => {
  const home = newHome();
  const [runner, other] = await Agent.several(home, 2);
  const running = runner.run(heldOnce, 'build', join(home, 'runs'), {});
  running.catch(() => {});
  await runner.heard('running build');
  rmSync(locksIn(home).pathOf('once:build'));

  await runner.run(release);

  await expect(running).rejects.toMatchObject({ code: 'HOLDFAST_LOST' });
  expect(await other.run(({ once }) => once('build', () => 'made here'))).toBe('made here');
});
