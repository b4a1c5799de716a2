import { describe, expect, it } from 'vitest';
import { stress } from '../../stress/stress.mjs';
import { memoryDirectory } from '../../support/temp.ts';

const SEED = Math.floor(Math.random() * 2 ** 31);
const HOLDS = 150;

describe(`8 processes, ${HOLDS} portable locks each, some of them killed or stopped (seed ${SEED})`, () => {
  it.each(['file', 'directory'] as const)(
    'never let two into the same place, lost no update, repeated no token, and all came to an end: lock %s [F11, R46, R77, R81, H16, H21, R15]',
    async (layout) => {
      const manager = { engine: 'portable', layout } as const;
      const run = await stress({
        seed: SEED,
        holds: HOLDS,
        manager,
        parent: memoryDirectory(),
      });

      expect(run.violations).toEqual({
        occupancy: [],
        overlaps: [],
        tokens: [],
        recoveries: [],
        updates: [],
      });
      expect(run.hung).toBe('');
      expect(run.attempts).toBeGreaterThanOrEqual(8 * HOLDS);
      expect(run.kills + run.stops).toBeGreaterThan(0);
    },
  );
});
