import { DeadlockError, type LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { type Edge, findCycle } from '../../src/lock/wait-graph.ts';
import { gate } from '../support/deadline.ts';
import { newLocks } from '../support/place.ts';
import { staysOpen } from '../support/turns.ts';
import { cycleInThisProcess } from './circle.ts';

const PATIENT = { timeout: 120_000 } as const;

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

  it('is no deadlock while one holder of them waits for nothing, however many waits the others have [X57]', async () => {
    const locks = newLocks();
    const free = await locks.acquire('pool', permit);
    const [a, b] = await closeCircle(locks);
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

describe('the search for a cycle', () => {
  const edge = (heldPath: string, path: string): Edge => ({
    ...{ id: `${heldPath}-${path}`, since: '1', resource: path, who: 'x', holds: heldPath },
    heldPath,
    path,
  });
  const search = (edges: readonly Edge[], start: string, ...own: string[]) =>
    findCycle(
      { path: start },
      ({ path }) => own.includes(path),
      ({ path }) => edges.filter(({ heldPath }) => heldPath === path),
    )?.map(({ id }) => id);

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

    const found = findCycle(
      { path: '0a' },
      ({ path }) => path === 'nowhere',
      ({ path }) => {
        visits++;
        return edges.filter(({ heldPath }) => heldPath === path);
      },
    );

    expect(found).toBe(undefined);
    expect(visits).toBeLessThanOrEqual(2 * layers + 1);
  });
});
