import { beforeAll, describe, expect, it } from 'vitest';
import { everything, type Report, summary } from './everything.mjs';

const SEED = Math.floor(Math.random() * 2 ** 31);
const NOTHING = { occupancy: [], overlaps: [], tokens: [], recoveries: [], updates: [], leftovers: [] };

describe.each(['kernel', 'portable'] as const)(
  'everything at once under the %s engine: every way to wait, permits, upgrades, threads, nested runs, two users, kills and stops',
  (engine) => {
    let run: Report;
    beforeAll(async () => {
      run = await everything({ engine, attempts: 300, processes: 6, seed: SEED });
      console.log(summary(run));
    });

    it('lets no two in where one may be, no three where two may, loses no update, and leaves nothing behind [R77, R81, R12, H23, H24]', () => {
      const { hung, violations } = run;
      expect({ seed: SEED, hung, ...violations }).toEqual({ seed: SEED, hung: '', ...NOTHING });
    });

    it('gives all what they wait for, unless they give up or are killed [R81]', () => {
      expect(run.waits).toBeGreaterThan(50);
      expect(run.timeouts).toBe(0);
    });

    it('was as wild as it should be, by two users where it runs as root', () => {
      expect(run.attempts).toBeGreaterThanOrEqual(300);
      expect(run.users).toBe(process.getuid?.() === 0 ? 2 : 1);
      expect(run.kills).toBeGreaterThan(0);
      expect(run.stops).toBeGreaterThan(0);
      for (const way of ['listener aborted', 'upgrade held', 'all held', 'hurry timeout'])
        expect(run.ways[way] ?? 0, way).toBeGreaterThan(0);
    });
  },
);
