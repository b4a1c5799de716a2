import { merge } from 'holdfast/merge';
import { expect, it } from 'vitest';
import { brokenLaw } from './laws.ts';
import { oracle } from './oracle.ts';
import { edited, Random, roleFile, volatile } from './role-files.ts';

const all = process.env.HOLDFAST_MERGE_PAIRS;
const pairs = Number(all ?? 500);

it('merges 95 of 100 concurrent edits of role files without a question, and breaks no law in any [R80, D24]', () => {
  let clean = 0;
  const wrong: unknown[] = [];
  for (let seed = 1; seed <= pairs; seed++) {
    const random = new Random(seed);
    const base = roleFile(random);
    const [ours, theirs] = [
      edited(base, random, 1 + random.below(3)),
      edited(base, random, 1 + random.below(3)),
    ];
    const before = JSON.stringify([base, ours, theirs]);
    const { value, conflicts } = merge(base, ours, theirs, { volatile });
    const mirrored = merge(base, theirs, ours, { volatile });

    const expected = oracle(base, ours, theirs, { volatile });
    const isClean = conflicts.length === 0;
    if (isClean) clean++;
    const broken = [
      JSON.stringify([base, ours, theirs]) !== before && 'an argument was changed',
      isClean && brokenLaw(base, ours, theirs, value, volatile),
      isClean && JSON.stringify(mirrored.value) !== JSON.stringify(value) && 'the sides do not count alike',
      mirrored.conflicts.length !== conflicts.length && 'the conflicts are others the other way round',
      expected.text !== JSON.stringify(value) && 'the value is another one than the rules say',
      expected.conflicts.length !== conflicts.length && 'the conflicts are others than the rules say',
    ].filter(Boolean);
    if (broken.length > 0) wrong.push({ seed, broken });
  }
  if (all !== undefined) console.info(`${clean} of ${pairs} clean, ${wrong.length} wrong`);
  expect(wrong).toEqual([]);
  expect(clean / pairs).toBeGreaterThanOrEqual(0.95);
});
