import { beforeAll, describe, expect, it } from 'vitest';
import { documents, type Report, summary } from './documents.mjs';

const SEED = Math.floor(Math.random() * 2 ** 31);

describe('a document that several processes change, while they are killed and stopped, and two outsiders replace and rewrite it', () => {
  let run: Report;
  beforeAll(async () => {
    run = await documents({
      seed: SEED,
      processes: 4,
      updates: 12,
      kills: 3,
      stops: 2,
      longestStop: 300,
      pause: 50,
    });
    console.log(summary(run));
  });

  it('loses no change that was confirmed, swallows no version of an outsider, is never read in half, and is left clean [R29, R77, R81, D3, D29]', () => {
    expect({ seed: SEED, hung: run.hung, ...run.violations }).toEqual({
      ...{ seed: SEED, hung: '' },
      ...{ lost: [], swallowed: [], refusedAndWritten: [], torn: [], leftovers: [] },
    });
  });

  it('was as wild as it should be', () => {
    expect(run.confirmed).toBeGreaterThanOrEqual(48);
    expect(run.landed + run.astray).toBeGreaterThanOrEqual(2);
    expect(run.kills).toBeGreaterThan(0);
    expect(run.stops).toBeGreaterThan(0);
  });
});
