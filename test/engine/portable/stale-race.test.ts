import { describe, expect, it } from 'vitest';
import { report, staleRace } from '../../stress/stale-race.mjs';
import { memoryDirectory } from '../../support/temp.ts';

// `npm run test:stale` runs the same with 200 rounds.
const ROUNDS = 25;

describe('twelve processes that meet one stale lock at the same instant', () => {
  it.each(['file', 'directory'] as const)(
    'are never two inside at once: lock %s [H8, F4, R46]',
    async (kind) => {
      const result = await staleRace({ kind, rounds: ROUNDS, processes: 12, home: memoryDirectory() });

      console.log(report(result));
      expect(result).toMatchObject({ doubles: 0, unheld: 0 });
    },
  );

  it('are counted when they are inside together, as they are where nothing keeps them apart', async () => {
    const result = await staleRace({ kind: 'nothing', rounds: 3, processes: 12, home: memoryDirectory() });

    expect(result).toMatchObject({ doubles: 3, unheld: 0 });
  });
});
