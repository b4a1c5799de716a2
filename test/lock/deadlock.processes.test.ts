import { DeadlockError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent, type Remote } from '../support/agent.ts';
import { newPlace } from '../support/place.ts';
import { LONG, staysOpen } from '../support/turns.ts';
import { until } from '../support/until.ts';

const PATIENT = { timeout: 120_000 } as const;

interface Outcome {
  readonly code?: string;
  readonly message?: string;
  readonly cycle?: readonly string[];
}

/** Holds the first lock, says so, waits for the word, and takes the second; tells how that went. */
function crosses(agent: Agent, holds: string, wants: string): Promise<Outcome> {
  return agent.run(
    ({ manager, tell, values }, holds, wants, options) =>
      manager.with(holds, async () => {
        const go = new Promise<void>((resolve) => {
          values.go = resolve;
        });
        tell(`holds ${holds}`);
        await go;
        const { code, message, cycle } = await manager.acquire(wants, options).then(
          (lock) => lock.release().then(() => ({})) as Promise<Outcome>,
          (error: Outcome) => error,
        );
        return { ...(code && { code }), ...(message && { message }), ...(cycle && { cycle }) };
      }),
    holds,
    wants,
    PATIENT,
  );
}

const go = (agent: Agent) => agent.run(({ values }) => (values.go as () => void)());

describe('waits of several processes for what each other holds', () => {
  it.each([
    ['two', ['a', 'b']],
    ['three', ['a', 'b', 'c']],
  ])('end with DeadlockError for one of the %s, and the others go on [R81]', async (_count, names) => {
    const { home } = newPlace();
    const agents = await Promise.all(names.map(() => Agent.start({ home })));
    const outcomes = agents.map((agent, n) =>
      crosses(agent, names[n] as string, names[(n + 1) % names.length] as string),
    );
    await Promise.all(agents.map((agent, n) => agent.heard(`holds ${names[n]}`)));

    await Promise.all(agents.map(go));

    const failed = (await Promise.all(outcomes)).filter(({ code }) => code !== undefined);
    expect(failed).toHaveLength(1);
    expect(failed[0]?.code).toBe('HOLDFAST_DEADLOCK');
    expect(failed[0]?.cycle).toHaveLength(names.length);
    for (const { pid } of agents) expect(failed[0]?.message).toContain(`pid ${pid}`);
    for (const [n, name] of names.entries()) {
      expect(failed[0]?.message).toContain(`holds ${name} and waits for ${names[(n + 1) % names.length]}`);
    }
  });

  it('that lead to no cycle only wait [X57]', async () => {
    const { home, locks } = newPlace();
    const [one, two] = await Agent.several(home, 2);
    const last = await locks.acquire('c');
    const waiters = (name: string) => locks.inspect(name).waiters.length;
    const outcomes = [crosses(one, 'a', 'b'), crosses(two, 'b', 'c')];
    await Promise.all([one.heard('holds a'), two.heard('holds b')]);
    await Promise.all([go(one), go(two)]);
    await until(() => waiters('b') + waiters('c') === 2, 'both wait');
    const examine = ({ passTime }: Remote, ms: number) => passTime(ms);
    await Promise.all([one.run(examine, LONG), two.run(examine, LONG)]);
    expect(await staysOpen(Promise.race(outcomes))).toBe(true);

    await last.release();

    expect(await Promise.all(outcomes)).toEqual([{}, {}]);
  });

  it('end when one of them takes several together, as acquireAll does [R81]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const [first, second] = ['a', 'b'].sort((x, y) => (locks.pathOf(x) < locks.pathOf(y) ? -1 : 1)) as [
      string,
      string,
    ];
    const outcome = crosses(agent, second, first);
    await agent.heard(`holds ${second}`);
    const all = locks.acquireAll([first, second], PATIENT).catch((error) => error);
    expect(await staysOpen(all)).toBe(true);

    await go(agent);

    const ends = [await outcome, await all];
    expect(ends.filter((end) => end.code === 'HOLDFAST_DEADLOCK')).toHaveLength(1);
    await ends[1].release?.();
  });
});

describe('an upgrade that waits for a reader who waits for what the code around it holds', () => {
  /** Shares a, and asks for x when told. */
  const readsAndWants = (agent: Agent, engine: 'kernel' | 'portable') =>
    agent.run(
      ({ manager, tell, values }, options) =>
        manager.with('a', { ...options, mode: 'shared' }, async () => {
          const go = new Promise<void>((resolve) => {
            values.go = resolve;
          });
          tell('reads a');
          await go;
          return manager.with('x', options, () => 'granted').catch((error: { code: string }) => error.code);
        }),
      { ...PATIENT, engine },
    );

  it.each(['kernel', 'portable'] as const)(
    'ends with DeadlockError when it is the younger, and still shares the lock, by the %s engine [R81]',
    async (engine) => {
      const { home, locks } = newPlace({ engine, ...PATIENT });
      const agent = await Agent.start({ home });
      const other = readsAndWants(agent, engine);
      await agent.heard('reads a');

      await locks.with('x', () =>
        locks.with('a', { mode: 'shared' }, async (lock) => {
          await go(agent);
          await until(() => locks.inspect('x').waiters.length === 1, 'the other waits');
          const upgrade = lock.upgrade();
          await expect(upgrade).rejects.toBeInstanceOf(DeadlockError);
          await expect(upgrade).rejects.toThrow(/holds x and waits for a; .* holds a and waits for x/);
          lock.assertHeld();
          expect(lock.mode).toBe('shared');
        }),
      );

      expect(await other).toBe('granted');
    },
  );

  it.each(['kernel', 'portable'] as const)(
    'goes on when it is the older, and the reader fails, by the %s engine [R81]',
    async (engine) => {
      const { home, locks } = newPlace({ engine, ...PATIENT });
      const agent = await Agent.start({ home });
      const other = readsAndWants(agent, engine);
      await agent.heard('reads a');

      await locks.with('x', () =>
        locks.with('a', { mode: 'shared' }, async (lock) => {
          const upgrade = lock.upgrade();
          await go(agent);
          await upgrade;
          expect(lock.mode).toBe('exclusive');
        }),
      );

      expect(await other).toBe('HOLDFAST_DEADLOCK');
    },
  );
});

describe('synchronous waits of two processes for what each other holds', () => {
  const crossesSync = (agent: Agent, holds: string, wants: string, engine: 'kernel' | 'portable') =>
    agent.run(
      ({ manager, tell, values }, holds, wants, options) =>
        manager.with(holds, options, async () => {
          const go = new Promise<void>((resolve) => {
            values.go = resolve;
          });
          tell(`holds ${holds}`);
          await go;
          try {
            return manager.withSync(wants, options, () => 'granted');
          } catch (error) {
            return (error as { code: string }).code;
          }
        }),
      holds,
      wants,
      { ...PATIENT, engine },
    );

  it.each(['kernel', 'portable'] as const)(
    'end with DeadlockError for one, and the other goes on, by the %s engine [R81]',
    async (engine) => {
      const { home } = newPlace();
      const [one, two] = await Agent.several(home, 2);
      const ends = [crossesSync(one, 'a', 'b', engine), crossesSync(two, 'b', 'a', engine)];
      await Promise.all([one.heard('holds a'), two.heard('holds b')]);

      await Promise.all([go(one), go(two)]);

      expect((await Promise.all(ends)).toSorted()).toEqual(['HOLDFAST_DEADLOCK', 'granted']);
    },
  );
});
