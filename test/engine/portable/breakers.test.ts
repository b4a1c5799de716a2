import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Mode } from '../../../src/engine/engine.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { memoryDirectory } from '../../support/temp.ts';
import { Interleaving, type Outcome } from './interleaving.ts';
import { deadProcess, leaveClaim } from './stale.ts';

/** The steps at which others can come in between; what lies between two of them touches nothing that others read. */
const STEPS = ['look', 'publish-break', 'look-again', 'remove-dead', 'remove-break', 'publish-claim'];
const WRITERS: readonly Mode[] = ['exclusive', 'exclusive'];
const dead = deadProcess();

async function contenders(modes: readonly Mode[], layout: string, steps = STEPS) {
  const home = memoryDirectory();
  const all = await Interleaving.start(modes, home, layout, steps);
  return { all, lockOf: (round: number) => join(home, String(round), 'mirror.lock') };
}

function makeStale(path: string, layout: 'file' | 'directory'): string {
  rmSync(join(path, '../..', String(Number(path.split('/').at(-2)) - 4)), { recursive: true, force: true });
  mkdirSync(new Place(path).queue, { recursive: true });
  return leaveClaim(path, layout, dead);
}

describe.each(['file', 'directory'] as const)('two contenders that meet a stale lock %s', (layout) => {
  it('are never both granted it and never lose it again, in whatever order their steps come [H8, F4, R46]', async () => {
    const { all, lockOf } = await contenders(WRITERS, layout);
    const seen = new Map<string, number>();

    const orders = all.explore(
      (round) => makeStale(lockOf(round), layout),
      (outcomes, order) => {
        expect(outcomes, `in the order ${order}`).not.toContain('lost');
        expect(granted(outcomes), `in the order ${order}`).toBeLessThanOrEqual(1);
        const key = outcomes.toSorted().join();
        seen.set(key, (seen.get(key) ?? 0) + 1);
      },
    );

    expect(orders).toBeGreaterThan(150);
    expect(seen.get('granted,refused')).toBeGreaterThan(0);
  });

  it('are never both granted it when an earlier breaker died at its work [H8, H16]', async () => {
    const { all, lockOf } = await contenders(WRITERS, layout, STEPS.slice(1));

    const orders = all.explore(
      (round) => {
        const token = makeStale(lockOf(round), layout);
        leaveClaim(new Place(lockOf(round)).breakPath(token), layout, dead);
      },
      (outcomes, order) => {
        expect(outcomes, `in the order ${order}`).not.toContain('lost');
        expect(granted(outcomes), `in the order ${order}`).toBeLessThanOrEqual(1);
      },
    );

    expect(orders).toBeGreaterThan(150);
  });
});

describe.each(['file', 'directory'] as const)(
  'a reader and a writer that come to a free lock %s',
  (layout) => {
    it('are never both granted it, in whatever order their steps come [H8, R4]', async () => {
      const steps = ['look', 'publish-claim', 'publish-reader', 'drain', 'count', 'release'];
      const { all, lockOf } = await contenders(['shared', 'exclusive'], layout, steps);
      const seen = new Set<string>();

      const orders = all.explore(
        (round) => mkdirSync(new Place(lockOf(round)).queue, { recursive: true }),
        (outcomes, order) => {
          expect(outcomes, `in the order ${order}`).not.toContain('lost');
          expect(granted(outcomes), `in the order ${order}`).toBeLessThanOrEqual(1);
          seen.add(outcomes.join());
        },
      );

      expect(orders).toBeGreaterThan(20);
      expect(seen).toContain('granted,refused');
      expect(seen).toContain('refused,granted');
    });
  },
);

it('this way of looking finds the double hold of a lock that is looked at, removed and made again', async () => {
  const { all, lockOf } = await contenders(WRITERS, 'naive');
  const endings: Outcome[][] = [];

  all.explore(
    (round) => makeStale(lockOf(round), 'file'),
    (outcomes) => endings.push(outcomes),
  );

  expect(endings.filter((outcomes) => outcomes.includes('lost')).length).toBeGreaterThan(0);
});

function granted(outcomes: readonly Outcome[]): number {
  return outcomes.filter((outcome) => outcome !== 'refused').length;
}
