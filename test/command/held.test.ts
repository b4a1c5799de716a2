import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { holdAround, takeAround } from '../../src/command/around.ts';
import { heldAround, heldVariable } from '../../src/command/held.ts';
import { admitNested } from '../../src/lock/nested.ts';
import { nestedIn, type OuterHold } from '../../src/lock/outer.ts';
import { newLocks } from '../support/place.ts';

const mirror = { label: 'mirror', target: 'mirror', mode: 'exclusive' } as const;

/** A lock that this process holds, and the environment of a command that runs under it. */
async function heldHere(mode: 'exclusive' | 'shared' = 'exclusive') {
  const locks = newLocks();
  const lock = await locks.acquire('mirror', { mode });
  onTestFinished(() => lock.release());
  const { HOLDFAST_HELD = '' } = heldVariable([{ lock, isOpen: admitNested(lock) }], {});
  return { locks, lock, path: lock.path, claims: JSON.parse(HOLDFAST_HELD) as Record<string, unknown>[] };
}

/** Has the environment of this process be that of a command with these claims, until the test is over. */
function claim(claims: readonly Record<string, unknown>[]): void {
  vi.stubEnv('HOLDFAST_HELD', JSON.stringify(claims));
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe('a lock that claims in the environment name as held around this process', () => {
  it('is taken nested in what is held, and is known to a wait [A5, R81]', async () => {
    const { locks, path, claims } = await heldHere();
    claim(claims);

    expect(holdAround(mirror, locks, '')).toMatchObject({ path, pid: process.pid, mode: 'exclusive' });
    expect(heldAround()).toEqual([{ path, resource: 'mirror' }]);
  });

  it('is none any more when its holder has released it [X1]', async () => {
    const { locks, lock, claims } = await heldHere();
    claim(claims);
    await lock.release();

    expect(holdAround(mirror, locks, '')).toBeUndefined();
    expect(heldAround()).toEqual([]);
  });

  it('is part of a deadlock also when only those hold it that are nested in it [X1, R81]', async () => {
    const { locks, lock, path, claims } = await heldHere();
    const [outer] = claims as unknown as [OuterHold];
    const nested = await locks.acquire(nestedIn({ name: 'mirror' }, outer));
    onTestFinished(() => nested.release());
    await lock.release();
    const inner = { ...outer, path: nested.path };

    claim([{ ...outer, pid: process.ppid }, { ...inner }]);

    expect(heldAround()).toEqual([
      { path, resource: 'mirror' },
      { path: nested.path, resource: 'mirror' },
    ]);
  });

  it.each([
    ['another process id', { pid: process.ppid }],
    ['another start time', { start: '1' }],
    ['another boot', { boot: '00000000-0000-4000-8000-000000000000' }],
  ])(
    'is to be taken, and no part of a deadlock, when they name %s than its holder’s [A5, R81, X59]',
    async (_what, other) => {
      for (const mode of ['exclusive', 'shared'] as const) {
        const { locks, claims } = await heldHere(mode);
        claim(claims.map((each) => ({ ...each, ...other })));

        expect(holdAround({ ...mirror, mode }, locks, '')).toBeUndefined();
        expect(heldAround()).toEqual([]);
      }
    },
  );

  it('ends while it is taken nested, and what died before is told to who has it then, of each lock of a set [X14, X1]', async () => {
    const { locks, lock, claims } = await heldHere();
    claim(claims);
    const [outer] = claims as unknown as [OuterHold];
    for (const target of [nestedIn({ name: 'mirror' }, outer), 'b']) {
      const former = await locks.acquire(target);
      const block = readFileSync(former.path);
      await former.release();
      writeFileSync(former.path, block); // as a holder leaves it that is killed
    }
    const wishes = [mirror, { ...mirror, label: 'b', target: 'b' }];
    let rounds = 0;

    const taken = await takeAround(wishes, locks, '', async (placed) => {
      const set = await locks.acquireAll(placed.map(({ target }) => target));
      if (rounds++ === 0) await lock.release();
      return set;
    });
    onTestFinished(() => taken.forEach((each) => void each.release()));

    expect(rounds).toBe(2);
    expect(taken.map(({ recovered }) => recovered)).toEqual([true, true]);
  });

  it('is an error when it is held shared, by nobody else, and wanted exclusive [A5, X2]', async () => {
    const { locks, claims } = await heldHere('shared');
    claim(claims);

    expect(() => holdAround(mirror, locks, 'Do this.')).toThrow(
      `mirror is held shared by the holdfast run around this one (pid ${process.pid}), so taking it exclusive would wait for ever. Do this.`,
    );
    expect(holdAround({ ...mirror, mode: 'shared' }, locks, '')).toMatchObject({ mode: 'shared' });
  });

  it('is an error when a nested one could not keep it, for the lock could not say that there may be one [X1]', async () => {
    const { locks, claims } = await heldHere();
    claim(claims.map((each) => ({ ...each, closed: true })));

    expect(() => holdAround(mirror, locks, '')).toThrow(/its lock file cannot be written/);
  });
});
