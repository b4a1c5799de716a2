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
    run = await torture({ seconds, attempts: 300, seed: SEED, patient });
    console.log(summary(run));
  });

  it('are never two where one may be, lose no update and are all woken [R77, R81]', () => {
    expect({ seed: SEED, hung: run.hung, ...run.violations }).toEqual({ seed: SEED, hung: '', ...NOTHING });
  });

  it('all get what they wait for, however long it takes [R81]', () => {
    expect(run.waits).toBeGreaterThan(50);
    expect([run.hung, run.timeouts]).toEqual(['', 0]);
  });

  it('were disturbed as they should be', () => {
    expect(run.kills).toBeGreaterThan(0);
    expect(run.stops > 0).toBe(!patient);
  });
});
