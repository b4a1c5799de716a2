import { DeadlockError, type LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { type Edge, findCycle } from '../../src/lock/wait-graph.ts';
import { Agent } from '../support/agent.ts';
import { gate } from '../support/deadline.ts';
import { newLocks, newPlace } from '../support/place.ts';
import { someTurns, staysOpen } from '../support/turns.ts';
import { until } from '../support/until.ts';

const PATIENT = { timeout: 30_000 } as const;

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

  it('that lead to no cycle only wait [R81]', async () => {
    const { home, locks } = newPlace();
    const [one, two] = await Agent.several(home, 2);
    const last = await locks.acquire('c');
    const outcomes = [crosses(one, 'a', 'b'), crosses(two, 'b', 'c')];
    await Promise.all([one.heard('holds a'), two.heard('holds b')]);
    await Promise.all([go(one), go(two)]);
    // Longer than it takes to find a cycle, measured by one that is found meanwhile.
    await expect(cycleInThisProcess()).resolves.toBeInstanceOf(DeadlockError);
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

describe('waits in one process for what each other holds', () => {
  it('end with DeadlockError for the youngest [R81]', async () => {
    const error = await cycleInThisProcess();

    expect(error).toBeInstanceOf(DeadlockError);
    expect(error).toMatchObject({ resource: 'a', code: 'HOLDFAST_DEADLOCK' });
  });

  it('end for locks that no `with` encloses, when their holders name them [R81]', async () => {
    const locks = newLocks();
    const [a, b] = [await locks.acquire('a'), await locks.acquire('b')];
    const first = locks.acquire('b', { ...PATIENT, holding: [a] });
    const second = locks.acquire('a', { ...PATIENT, holding: [b] });

    await expect(second).rejects.toBeInstanceOf(DeadlockError);
    await b.release();
    await (await first).release();
    await a.release();
  });

  it('are refused at once for a lock that is named as held [R81]', async () => {
    const locks = newLocks();
    const lock = await locks.acquire('a');

    await expect(locks.acquire('a', { ...PATIENT, holding: [lock] })).rejects.toBeInstanceOf(DeadlockError);

    await lock.release();
  });
});

describe('a wait for one of several permits', () => {
  const permit = { permits: 2, ...PATIENT } as const;

  /** A has x and waits for a permit of the pool; B has a permit and waits for x, twice at once. */
  async function closeCircle(
    locks: LockManager,
  ): Promise<readonly [a: Promise<unknown>, b: Promise<unknown>]> {
    const [aHolds, bHolds, bWaits] = [gate(), gate(), gate()];
    const b = locks.with('pool', permit, async () => {
      bHolds.open();
      await aHolds.opened;
      const waits = [1, 2].map(() => locks.with('x', PATIENT, () => {}));
      bWaits.open();
      return Promise.all(waits);
    });
    const a = locks.with('x', PATIENT, async () => {
      aHolds.open();
      await Promise.all([bHolds.opened, bWaits.opened]);
      return locks.with('pool', permit, () => 'granted').catch((error) => error);
    });
    await bWaits.opened;
    return [a, b];
  }

  it('is no deadlock while one holder of them waits for nothing, however many waits the others have [R81]', async () => {
    const locks = newLocks();
    const free = await locks.acquire('pool', permit);
    const [a, b] = await closeCircle(locks);
    // Longer than it takes to find a cycle, measured by one that is found meanwhile.
    await expect(cycleInThisProcess()).resolves.toBeInstanceOf(DeadlockError);
    expect(await staysOpen(Promise.race([a, b]))).toBe(true);

    await free.release();

    expect(await a).toBe('granted');
    await b;
  });

  it('ends with DeadlockError when every holder of them waits for what the waiter holds [R81]', async () => {
    const locks = newLocks();
    const waits = gate();
    const other = locks.with('pool', permit, async () => {
      await waits.opened;
      await locks.with('x', PATIENT, () => {});
    });
    const [a, b] = await closeCircle(locks);
    waits.open();

    const ends = await Promise.all([a, b.catch((error) => error), other.catch((error) => error)]);

    expect(ends.filter((end) => end instanceof DeadlockError)).toHaveLength(1);
  });
});

/** Two bodies that each want what the other holds; the error of the one that lost, which came second. */
async function cycleInThisProcess(): Promise<unknown> {
  const locks = newLocks();
  let lost: unknown;
  const { opened: ready, open: bothHold } = gate();
  const first = locks.with('a', async () => {
    await ready;
    await locks.with('b', PATIENT, () => {});
  });
  const second = locks.with('b', async () => {
    bothHold();
    await Promise.resolve();
    await someTurns();
    lost = await locks.acquire('a', PATIENT).catch((error) => error);
  });
  await Promise.all([first, second]);
  return lost;
}

describe('the search for a cycle', () => {
  const edge = (heldPath: string, path: string): Edge => ({
    ...{ id: `${heldPath}-${path}`, since: '1', resource: path, who: 'x', holds: heldPath },
    heldPath,
    path,
  });
  const search = (edges: readonly Edge[], start: string, ...own: string[]) =>
    findCycle(start, new Set(own), (path) => edges.filter(({ heldPath }) => heldPath === path))?.map(
      ({ id }) => id,
    );

  it('finds the way back to what the searcher holds, through dead ends and circles of others', () => {
    const edges = [edge('b', 'x'), edge('x', 'y'), edge('y', 'x'), edge('b', 'c'), edge('c', 'a')];

    expect(search(edges, 'b', 'a')).toEqual(['b-c', 'c-a']);
    expect(search(edges, 'b', 'z')).toBe(undefined);
    expect(search(edges, 'x', 'a')).toBe(undefined);
    expect(search(edges, 'c', 'q', 'a')).toEqual(['c-a']);
    expect(search([], 'b', 'a')).toBe(undefined);
  });

  it('visits every lock once, however many ways lead to it', () => {
    const layers = 30;
    const edges = Array.from({ length: layers }, (_, n) => [
      edge(`${n}a`, `${n + 1}a`),
      edge(`${n}a`, `${n + 1}b`),
      edge(`${n}b`, `${n + 1}a`),
      edge(`${n}b`, `${n + 1}b`),
    ]).flat();
    let visits = 0;

    const found = findCycle('0a', new Set(['nowhere']), (path) => {
      visits++;
      return edges.filter(({ heldPath }) => heldPath === path);
    });

    expect(found).toBe(undefined);
    expect(visits).toBeLessThanOrEqual(2 * layers + 1);
  });
});
