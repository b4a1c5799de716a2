import { beforeAll, describe, expect, it } from 'vitest';
import { needsRoot } from '../support/root.ts';
import { commands, type Report, summary } from './commands.mjs';

const SEED = Math.floor(Math.random() * 2 ** 31);
const NOTHING = { overlaps: [], ends: [], outputs: [], results: [], again: [], hung: [], left: [] };

describe('commands that run once, started by several in every way, killed, suspended, stopped, unread and on a full disk', () => {
  let run: Report;
  beforeAll(async () => {
    needsRoot('mount a small disk');
    run = await commands({ seed: SEED, calls: 80, starters: 8 });
    console.log(summary(run));
  });

  it('run once for each result, lose and double no output, and leave no process behind [A1, A11, A13, H16, X39, X40]', () => {
    expect({ seed: SEED, ...run.violations }).toEqual({ seed: SEED, ...NOTHING });
  });

  it('were disturbed as they should be', () => {
    expect(run.calls).toBeGreaterThanOrEqual(80);
    expect(Object.values(run.deeds).reduce((sum, each) => sum + each, 0)).toBeGreaterThan(0);
  });
});
