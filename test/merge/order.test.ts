import { type Json, merge } from 'holdfast/merge';
import { describe, expect, it } from 'vitest';

const letters = (text: string) => [...text];
const mergeSets = (base: string, ours: string, theirs: string) => {
  const { value, ...rest } = merge(letters(base), letters(ours), letters(theirs));
  return { text: (value as string[]).join(''), ...rest };
};
const records = (text: string): Json => [...text].map((id) => ({ id }));

describe('the order of elements', () => {
  it.each([
    ['the other side edits', 'abcd', 'abcd', 'dabc', 'dabc'],
    ['both move different ones', 'abcdef', 'bacdef', 'abcdfe', 'bacdfe'],
    ['both move one to the same place', 'abcd', 'dabc', 'dabc', 'dabc'],
    ['one moves, the other adds', 'abcd', 'dabc', 'abxcd', 'dabxc'],
    ['both add at one place: sorted by the first', 'ab', 'ayb', 'axb', 'axyb'],
    ['both add runs at one place: sorted by their first', 'ab', 'abyx', 'abwz', 'abwzyx'],
    ['both add some alike', 'ab', 'ab21', 'ab10', 'ab210'],
    ['both add the same two in another order: sorted', 'a', 'ayx', 'axy', 'axy'],
    ['one removes what new ones follow', 'abc', 'abxc', 'ac', 'axc'],
  ])('is merged when %s', (_, base, ours, theirs, expected) => {
    expect(mergeSets(base, ours, theirs)).toMatchObject({ text: expected, conflicts: [] });
    expect(mergeSets(base, theirs, ours)).toMatchObject({ text: expected, conflicts: [] });
  });

  it('falls back to that of the base where moves go round in a circle, and a note or a conflict says so', () => {
    // Ours has b before a, and theirs c before b. Nobody has moved a behind c.
    const [base, ours, theirs] = [records('abc'), records('bac'), records('acb')];
    const note = { kind: 'order', path: [], text: '' };
    expect(merge(base, ours, theirs)).toMatchObject({
      value: base,
      conflicts: [],
      notes: [{ kind: 'keyed' }, note],
    });
    expect(merge(base, theirs, ours)).toMatchObject({
      value: base,
      conflicts: [],
      notes: [{ kind: 'keyed' }, note],
    });
    expect(merge(base, ours, theirs, { strictOrder: true })).toMatchObject({
      value: base,
      conflicts: [{ ...note, base, ours, theirs }],
    });
    expect(mergeSets('abcxyz', 'bacxzy', 'acbxyz')).toMatchObject({ text: 'abcxzy', conflicts: [] });
  });

  it('of thousands of records is merged as that of a few is', () => {
    const ids = Array.from({ length: 6000 }, (_, at) => ({ id: at }));
    const ours = [...ids.slice(3000), ...ids.slice(0, 3000)];
    const theirs = ids.toReversed();
    const { value, conflicts, notes } = merge(ids, ours, theirs);
    expect(conflicts).toEqual([]);
    expect(value).toHaveLength(6000);
    expect(notes.map(({ kind }) => kind)).toContain('keyed');
  });
});

describe('the order of members', () => {
  it('is merged like that of elements, and is no change of a value', () => {
    const base = { a: 1, b: { c: 1, d: 1 }, e: 1 };
    const ours = { e: 1, a: 1, b: { d: 1, c: 1 } };
    const theirs = { a: 2, b: { c: 1, d: 1, f: 1 }, e: 1 };
    const expected = '{"e":1,"a":2,"b":{"d":1,"f":1,"c":1}}';
    for (const { value, conflicts } of [merge<Json>(base, ours, theirs), merge<Json>(base, theirs, ours)]) {
      expect([JSON.stringify(value), conflicts]).toEqual([expected, []]);
    }
    expect(merge<Json>(base, { b: 1, a: 1 }, { a: 1, b: 1 })).toMatchObject({ conflicts: [] });
  });

  it('has what only one side has stay behind its predecessor there, wherever that moves', () => {
    const options = { strategies: { $: 'set' } } as const;
    expect(merge([1, 2, 3], [3, 1, 2], [1, 2, 3, 4], options).value).toEqual([3, 4, 1, 2]);
    expect(merge([1, 2, 3], [1, 2, 3, 4], [3, 1, 2], options).value).toEqual([3, 4, 1, 2]);
  });
});
