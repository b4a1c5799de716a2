import { beforeAll, describe, expect, it } from 'vitest';
import { type Report, summary, torture } from '../stress/torture.mjs';

const SEED = Math.floor(Math.random() * 2 ** 31);
const NOTHING = {
  ...{ occupancy: [], overlaps: [], tokens: [], recoveries: [], updates: [] },
  ...{ wakeups: [], leftovers: [] },
};

describe.each([
  { how: 'killed, stopped and continued', patient: false, seconds: 10 },
  { how: 'killed, and never look by themselves', patient: true, seconds: 5 },
])('16 processes that are $how', ({ patient, seconds }) => {
  let run: Report;
  beforeAll(async () => {
    run = await torture({ seconds, seed: SEED, patient });
    console.log(summary(run));
  }, 180_000);

  it('are never two where one may be, lose no update and are all woken [R77, R81]', () => {
    expect({ seed: SEED, hung: run.hung, ...run.violations }).toEqual({ seed: SEED, hung: '', ...NOTHING });
  });

  it('get more than 95 % of their locks in time, after less than 500 ms on average', () => {
    expect(run.waits).toBeGreaterThan(50);
    expect(run.succeeded).toBeGreaterThan(0.95);
    expect(run.meanWait).toBeLessThan(500);
  });

  it('were disturbed as they should be', () => {
    expect(run.kills).toBeGreaterThan(0);
    expect(run.stops > 0).toBe(!patient);
  });
});
