import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { perform } from '../../../src/once/command/perform.ts';
import { runKey } from '../../../src/once/command/run-key.ts';
import { Latch } from '../../support/latch.ts';
import { newHome } from '../../support/place.ts';
import { someTurns } from '../../support/turns.ts';
import { until } from '../../support/until.ts';

/** Bytes that come before the reader has got anything, and while it takes that; less than a pipe takes. */
const SIZES = [
  [1_000, 0],
  [30_000, 30_000],
] as const;

const uninterrupted = { wait: new AbortController().signal, began: () => {}, passTo: () => {} };

describe('a reader that takes its time', () => {
  it.each(SIZES)(
    'of %d bytes, and of %d more, gets one chunk at a time, and all of them before the run is over, though the command ended long ago [X41, A12]',
    async (size, more) => {
      const home = newHome();
      const pid = join(home, 'pid');
      const gate = new Latch(join(home, 'gate'));
      const script = `echo $$ > ${pid}; head -c ${size} /dev/zero; : < ${gate.path}; head -c ${more} /dev/zero`;
      const words: [string, ...string[]] = ['sh', '-c', script];
      const key = runKey('slow', { directory: home }, words);
      const hasEnded = () => !existsSync(`/proc/${readFileSync(pid, 'utf8').trim()}`);
      const untaken: number[] = [];
      let given = 0;
      let taken = 0;
      let isOverTooSoon = false;
      const sink = async (chunk: Uint8Array) => {
        untaken.push(given - taken);
        given += chunk.length;
        gate.open();
        await until(hasEnded, 'the command has ended');
        for (let turns = 0; turns < 2_000 && !isOverTooSoon; turns += 50) {
          await someTurns(50); // what Node.js does when a process has ended is done
          isOverTooSoon = key.store.success() !== undefined;
        }
        taken += chunk.length;
      };
      const stage = { sink, input: 'none', interruption: uninterrupted, onRun: () => {} } as const;
      await perform(key, { words }, stage);
      expect(isOverTooSoon).toBe(false);
      expect(taken).toBe(size + more);
      expect(untaken.length).toBeGreaterThan(more === 0 ? 0 : 1);
      expect(new Set(untaken)).toEqual(new Set([0]));
    },
  );
});
