import { beforeAll, describe, expect, it } from 'vitest';
import { type Report, stress } from './stress.mjs';

const SEED = Math.floor(Math.random() * 2 ** 31);
const NOTHING = { occupancy: [], overlaps: [], tokens: [], recoveries: [], updates: [] };

describe(`8 processes, 500 holds each, some of them killed or stopped (seed ${SEED})`, () => {
  let run: Report;
  beforeAll(async () => {
    run = await stress({ seed: SEED });
    const { attempts, kills, stops, recovered, timeouts, meanWait, maximumWait, took } = run;
    console.log(
      `stress seed ${SEED}: ${attempts} attempts, ${kills} killed, ${stops} stopped, ${recovered} recovered, ` +
        `${timeouts} timeouts, wait mean ${meanWait.toFixed(1)} ms max ${maximumWait.toFixed(0)} ms, ${took.toFixed(0)} ms`,
    );
  });

  it('never let two into the same place, lost no update and repeated no token [R77, H21]', () => {
    expect(run.violations).toEqual(NOTHING);
  });

  it('ran to its end: nobody waited for ever [R81]', () => {
    expect(run.hung).toBe('');
    expect(run.attempts).toBeGreaterThanOrEqual(8 * 500);
    expect(run.waits).toBeGreaterThan(2_000);
    expect(run.timeouts).toBe(0);
  });

  it('was disturbed as it should be: participants were killed inside, and their successors told [R10, R45]', () => {
    expect(run.kills).toBeGreaterThan(0);
    expect(run.stops).toBeGreaterThan(0);
    expect(run.recovered).toBeGreaterThan(0);
    expect(run.recovered).toBeLessThanOrEqual(2 * run.kills);
  });
});

describe('the oracle', () => {
  it('finds every kind of fault with locks that exclude nobody [R77]', async () => {
    const { violations } = await stress({ seed: 1, processes: 4, holds: 100, locked: false });

    expect(violations.occupancy).not.toEqual([]);
    expect(violations.overlaps).not.toEqual([]);
    expect(violations.tokens).not.toEqual([]);
    expect(violations.updates).not.toEqual([]);
  });
});
