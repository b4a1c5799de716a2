import fc from 'fast-check';
import { merge } from 'holdfast/merge';
import { describe, expect, it } from 'vitest';
import { brokenLaw } from './laws.ts';
import { oracle } from './oracle.ts';

const runs = Number(process.env.HOLDFAST_MERGE_RUNS ?? 500);

/** Values of few words, so that three of them have much in common: records, sets, atomic arrays, orders, hostile names. */
const { value } = fc.letrec<{ value: unknown }>((tie) => {
  const word = fc.constantFrom('a', 'b', 'c', 'd', '__proto__', 'constructor', '7', '');
  const scalar = fc.oneof(word, fc.constantFrom(0, 1, 2, 1.5, null, true, false));
  const id = fc.constantFrom(1, 2, 3, '1', 'a', 'b');
  const record = fc
    .tuple(
      id,
      fc.constantFrom('id', 'key', 'name'),
      fc.dictionary(word, tie('value'), { maxKeys: 2 }),
      fc.nat(3),
    )
    .map(([identity, field, members, when]) => ({
      ...members,
      [field]: identity,
      ...(when > 0 ? { when } : {}),
    }));
  const shuffled = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.constantFrom(1, 2), {
    maxKeys: 5,
  });
  const time = fc.record({
    when: fc.oneof(fc.nat(3), fc.constantFrom('2026-01-01', '2026-01-02T10:00:00Z')),
  });
  const members = fc.dictionary(word, tie('value'), { maxKeys: 4 });
  return {
    value: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      scalar,
      members,
      fc.tuple(members, time).map(([all, last]) => ({ ...all, ...last })),
      shuffled.chain((members) =>
        fc
          .shuffledSubarray(Object.keys(members))
          .map((names) => Object.fromEntries(names.map((n) => [n, members[n]]))),
      ),
      fc.array(record, { maxLength: 4 }),
      fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 6 }),
      fc.array(tie('value'), { maxLength: 3 }),
    ),
  };
});

/** Three versions of one document. Members that all have are often the same. */
const versions = fc
  .tuple(
    fc.dictionary(fc.constantFrom('p', 'q', 'r', 's'), fc.tuple(value, value, value, fc.nat(5)), {
      maxKeys: 4,
    }),
    value,
  )
  .map(([members, other]) => {
    const pick = (side: number) =>
      Object.fromEntries(
        Object.entries(members).map(([name, [base, ours, theirs, which]]) => {
          const sides = [base, which % 3 === 0 ? base : ours, which % 2 === 0 ? base : theirs];
          return [name, sides[side]];
        }),
      );
    return Object.keys(members).length === 0 ? [other, other, other] : [pick(0), pick(1), pick(2)];
  });

const anyThree = fc.oneof(versions, fc.tuple(value, value, value)) as fc.Arbitrary<
  [unknown, unknown, unknown]
>;
const volatile = ['when'];

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

const holds = (law: (base: unknown, ours: unknown, theirs: unknown) => void) =>
  fc.assert(
    fc.property(anyThree, (three) => {
      const [base, ours, theirs] = frozen(three);
      law(base, ours, theirs);
    }),
    { numRuns: runs },
  );
const text = JSON.stringify;

describe('the laws of the merge', () => {
  it('gives the side that changed, when the other side did not, and either when both made one change [R38]', () => {
    holds((base, changed) => {
      expect(text(merge(base, changed, base))).toBe(text({ value: changed, conflicts: [], notes: [] }));
      expect(text(merge(base, base, changed))).toBe(text({ value: changed, conflicts: [], notes: [] }));
      expect(text(merge(base, changed, structuredClone(changed)))).toBe(
        text({ value: changed, conflicts: [], notes: [] }),
      );
    });
  });

  it('gives one of two equal changes also where it looks for numbers that sum decides, and finds none [R38]', () => {
    const options = { strategies: { count: 'sum' } } as const;
    holds((base, changed) => {
      const { value, conflicts } = merge(base, changed, structuredClone(changed), options);
      expect(text({ value, conflicts })).toBe(text({ value: changed, conflicts: [] }));
    });
  });

  it('gives the same text whichever side is ours when it is clean, and conflicts at the same places when it is not', () => {
    const mirrored = { 'delete-edit': 'edit-delete', 'edit-delete': 'delete-edit' } as Record<string, string>;
    holds((base, ours, theirs) => {
      for (const options of [{}, { volatile }, { strategies: { '**': 'sum' } } as const]) {
        const one = merge(base, ours, theirs, options);
        const other = merge(base, theirs, ours, options);
        if (one.conflicts.length === 0) expect(text(other.value)).toBe(text(one.value));
        const places = one.conflicts.map(({ kind, text }) => `${mirrored[kind] ?? kind} ${text}`);
        expect(other.conflicts.map(({ kind, text }) => `${kind} ${text}`).sort()).toEqual(places.sort());
      }
    });
  });

  it('has every change of one side alone in a clean result, and a conflict for every place that both changed [R37]', () => {
    holds((base, ours, theirs) => {
      for (const names of [[], volatile]) {
        const { value, conflicts } = merge(base, ours, theirs, { volatile: names });
        if (conflicts.length > 0) return;
        expect(brokenLaw(base, ours, theirs, value, names)).toBeUndefined();
      }
    });
  });

  it('merges a result with either side to that result, and with the base to itself', () => {
    holds((base, ours, theirs) => {
      const { value } = merge(base, ours, theirs);
      expect(text(merge(ours, ours, value).value)).toBe(text(value));
      expect(text(merge(theirs, value, theirs).value)).toBe(text(value));
      expect(text(merge(base, value, value).value)).toBe(text(value));
    });
  });

  it('is what an independent reading of its rules says, conflict by conflict [R37]', () => {
    holds((base, ours, theirs) => {
      for (const options of [{}, { volatile }, { identity: ['name'] }]) {
        const { value, conflicts } = merge(base, ours, theirs, options);
        const found = conflicts.map(({ kind, path }) => `${kind} at ${path.map(stepText).join('')}`);
        expect({ text: text(value), conflicts: found.sort() }).toEqual(oracle(base, ours, theirs, options));
      }
    });
  });
});

function stepText(step: unknown): string {
  if (typeof step === 'number') return `/#${step}`;
  if (typeof step === 'string') return `/${step}`;
  const [[field, id] = []] = Object.entries(step as object);
  return `/${field}=${text(id)}`;
}
