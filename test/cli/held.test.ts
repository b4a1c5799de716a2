import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { heldAround, heldVariable, notHeldAround } from '../../src/cli/run/held.ts';
import { newLocks } from '../support/place.ts';

const mirror = { label: 'mirror', target: 'mirror', mode: 'exclusive' } as const;

/** A lock that this process holds, and the environment of a command that runs under it. */
async function heldHere(mode: 'exclusive' | 'shared' = 'exclusive') {
  const locks = newLocks();
  const lock = await locks.acquire('mirror', { mode });
  onTestFinished(() => lock.release());
  const { HOLDFAST_HELD = '' } = heldVariable([lock.path], {});
  return { locks, path: lock.path, claims: JSON.parse(HOLDFAST_HELD) as Record<string, unknown>[] };
}

/** Has the environment of this process be that of a command with these claims, until the test is over. */
function claim(claims: readonly Record<string, unknown>[]): void {
  vi.stubEnv('HOLDFAST_HELD', JSON.stringify(claims));
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe('a lock that claims in the environment name as held around this process', () => {
  it('is not taken again, and is known to a wait [A5, R81]', async () => {
    const { locks, path, claims } = await heldHere();
    claim(claims);

    expect(notHeldAround([mirror], locks, '')).toEqual([]);
    expect(heldAround()).toEqual([{ path, resource: 'mirror' }]);
  });

  it.each([
    ['another process id', { pid: process.ppid }],
    ['another start time', { start: '1' }],
    ['another boot', { boot: '00000000-0000-4000-8000-000000000000' }],
  ])(
    'is to be taken, and no part of a deadlock, when they name %s than its holder’s [A5, R81, X59]',
    async (_what, other) => {
      const { locks, claims } = await heldHere();
      claim(claims.map((each) => ({ ...each, ...other })));

      expect(notHeldAround([mirror], locks, '')).toEqual([mirror]);
      expect(heldAround()).toEqual([]);
    },
  );

  it('is an error when it is held shared, by nobody else, and wanted exclusive [A5]', async () => {
    const { locks, claims } = await heldHere('shared');
    claim(claims);

    expect(() => notHeldAround([mirror], locks, 'Do this.')).toThrow(
      `mirror is held shared by the holdfast run around this one (pid ${process.pid}), so taking it exclusive would wait for ever. Do this.`,
    );
    expect(notHeldAround([{ ...mirror, mode: 'shared' }], locks, '')).toEqual([]);
  });
});
