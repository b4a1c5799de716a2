import { CONFLICT, InputError, type Json, keyed, type MergeOptions, merge } from 'holdfast/merge';
import { describe, expect, it } from 'vitest';

const one = (base: Json, ours: Json, theirs: Json, strategy: unknown) => {
  const strategies = { x: strategy } as MergeOptions['strategies'];
  const { value, conflicts } = merge<Json>({ x: base }, { x: ours }, { x: theirs }, { strategies });
  return conflicts.length === 0 ? (value as { x: Json }).x : conflicts[0]?.kind;
};

/** The same members in reverse order. */
const turned = (value: Json) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).reverse())
    : value;

describe('a strategy', () => {
  it.each<[unknown, Json, Json, Json, unknown]>([
    ['ours', 1, 2, 3, 2],
    ['theirs', 1, 2, 3, 3],
    ['base', 1, 2, 3, 1],
    ['max', 5, 2, 3, 3],
    ['min', 5, 2, 3, 2],
    ['max', '', '2026-11-02T10:00:00+05:00', '2026-11-02T06:00:00Z', '2026-11-02T06:00:00Z'],
    ['max', 5, 2, '3', 'type'],
    ['sum', 5, 7, 4, 6],
    ['sum', 5, '7', 4, 'type'],
    ['sum', 1, 1.7e308, 1.6e308, 'edit-edit'],
    [
      'set',
      [1, 2, { a: 1, b: 1 }],
      [2, { b: 1, a: 1 }, 3],
      [1, 2, { a: 1, b: 1 }, 4],
      [2, { a: 1, b: 1 }, 3, 4],
    ],
    ['set', ['a', 'a'], ['a', 'b'], ['a', 'c'], ['a', 'b', 'c']],
    ['list', [1, 2, 3, 3], [0, 1, 2, 3, 3], [1, 2, 3, 4, 3], [0, 1, 2, 3, 4, 3]],
    ['list', [1, 2, 3], [1, 3], [1, 2, 3, 4], [1, 3, 4]],
    ['list', [1, 2, 3], [1, 4, 3], [1, 5, 3], 'edit-edit'],
    ['list', [], [1], [2], 'edit-edit'],
    ['atomic', { a: 1, b: 1 }, { a: 2, b: 1 }, { a: 1, b: 2 }, 'edit-edit'],
    ['atomic', [{ id: 1 }], [{ id: 2 }], [{ id: 3 }], 'edit-edit'],
    ['volatile', 1, 5, 3, 5],
    ['ignore', 1, 'a', 3, 'a'],
    [
      keyed('uid'),
      [{ uid: 1, n: 1 }],
      [{ uid: 1, n: 2 }],
      [{ uid: 2 }, { uid: 1, n: 1 }],
      [{ uid: 2 }, { uid: 1, n: 2 }],
    ],
    [keyed('uid'), [{ id: 1, n: 1 }], [{ id: 1, n: 2 }], [{ id: 2 }, { id: 1, n: 1 }], 'edit-edit'],
    [(b: number, o: number, t: number) => b * o * t, 2, 3, 5, 30],
    [() => CONFLICT, 2, 3, 5, 'edit-edit'],
    [() => undefined, 2, 3, 5, undefined],
  ])('%s decides what both changed', (strategy, base, ours, theirs, expected) => {
    expect(one(base, ours, theirs, strategy)).toEqual(expected);
    expect(one(base, base, theirs, strategy)).toEqual(theirs);
    if (strategy !== 'sum') expect(one(base, ours, structuredClone(ours), strategy)).toEqual(ours);
  });

  it.each<[string, Json, Json, Json]>([
    ['n', { n: 0 }, { n: 1 }, { n: 2 }],
    ['n', {}, { n: 1 }, { n: 2 }],
    ['n', { n: 'none' }, { n: 1 }, { n: 1 }],
    ['n', { n: 4 }, {}, {}],
    ['$', 5, 7, 9],
    ['a.n', { a: { n: 0, m: 0 } }, { a: { n: 1, m: 1 } }, { a: { n: 2, m: 1 } }],
    ['n', { a: { n: 0 } }, { a: { n: 1 }, n: 3 }, { a: { n: 2 }, n: 6 }],
    ['list[].n', { list: [{ id: 1, n: 0 }] }, { list: [{ id: 1, n: 1 }] }, { list: [{ id: 1, n: 2 }] }],
    ['**', { list: [] }, { list: [{ id: 2, n: 1 }] }, { list: [{ id: 2, n: 2 }] }],
    ['m', { list: [] }, { list: [{ id: 2, n: 1 }] }, { list: [{ id: 2, n: 1 }] }],
    ['**', { list: [5, 3] }, { list: [3, 4] }, { list: [3, 4] }],
    ['**', { list: [{ n: 5 }, { n: 3 }] }, { list: [{ n: 3 }, { n: 4 }] }, { list: [{ n: 3 }, { n: 4 }] }],
  ])('of sum at %s counts each of two equal changes: %j, twice %j, is %j', (pattern, base, changed, both) => {
    const options = { strategies: { [pattern]: 'sum' } } as const;
    const merged = merge(base, changed, structuredClone(changed), options);
    expect(merged).toMatchObject({ conflicts: [] });
    expect(merged.value).toEqual(both);
    const reversed = JSON.parse(JSON.stringify(changed), (_, value: Json) => turned(value)) as Json;
    expect(merge(base, changed, reversed, options).value).toEqual(both);
    expect(merge(base, changed, base, options).value).toBe(changed);
  });

  it('of what is around a number decides it, too, whether or not the changes are equal', () => {
    for (const around of ['ours', 'volatile', 'atomic', () => ({ n: 1 })] as const) {
      const strategies = { '**.n': 'sum', a: around } as const;
      expect(merge({ a: { n: 0 } }, { a: { n: 1 } }, { a: { n: 1 } }, { strategies }).value).toEqual({
        a: { n: 1 },
      });
    }
  });

  it('is found by pattern: at any depth, from the root, at elements, at members of any name', () => {
    const of = (n: number) => ({ n, a: { n, 'b.c': n, list: [{ id: 1, n }] } });
    const places = (pattern: string) =>
      merge(of(1), of(2), of(3), { strategies: { [pattern]: 'sum' } }).conflicts.map(({ text }) => text);
    expect(places('n')).toEqual(['a["b.c"]']);
    expect(places('**.n')).toEqual(['a["b.c"]']);
    expect(places('$.n')).toEqual(['a.n', 'a["b.c"]', 'a.list[id=1].n']);
    expect(places('list[].n')).toEqual(['n', 'a.n', 'a["b.c"]']);
    expect(places('$.a.list[*].n')).toEqual(['n', 'a.n', 'a["b.c"]']);
    expect(places('$.a.*')).toEqual(['n', 'a.list[id=1].n']);
    expect(places('["b.c"]')).toEqual(['n', 'a.n', 'a.list[id=1].n']);
    expect(places('$')).toHaveLength(4);
  });

  it('that does not fit leaves a note, and what a function throws passes through', () => {
    expect(merge<Json>({ x: 1 }, { x: 'a' }, { x: 'b' }, { strategies: { x: 'sum' } }).notes).toEqual([
      { kind: 'misfit', path: ['x'], text: 'x' },
    ]);
    const fails = () => {
      throw new RangeError('no');
    };
    expect(() => one(1, 2, 3, fails)).toThrow(RangeError);
    expect(() => one(1, 2, 3, () => new Date(0))).toThrow(
      /the strategy for x returned is not JSON, for it has a Date/,
    );
  });
});

describe('merge', () => {
  it.each<[unknown, RegExp]>([
    [{ strategies: { x: 'som' } }, /strategies\["x"\] is no strategy: "som".*"sum"/],
    [{ strategies: { 'x..y': 'sum' } }, /"x\.\.y" is no pattern/],
    [{ strategies: { x: 3 } }, /must be the name of a strategy/],
    [{ volatile: [3] }, /volatile must be/],
    [{ identity: '' }, /identity must be/],
    [{ strictOrder: 'yes' }, /strictOrder must be/],
    [{ stategies: {} }, /stategies is not an option/],
  ])('refuses options that are wrong: %j', (options, message) => {
    const call = () => merge(1, 2, 3, options as MergeOptions);
    expect(call).toThrow(InputError);
    expect(call).toThrow(message);
  });

  it.each<[string, unknown, RegExp]>([
    ['a function', { a: () => 1 }, /ours is not JSON, for it has a function/],
    ['a number that is none', [Number.NaN], /ours is not JSON, for it has NaN/],
    ['a map', { a: new Map() }, /ours is not JSON, for it has a Map/],
  ])('refuses %s', (_, ours, message) => {
    expect(() => merge<unknown>(1, ours, 3)).toThrow(message);
  });

  it('refuses a value that contains itself, and takes one that stands there twice', () => {
    const inner: Record<string, unknown> = { a: 1 };
    expect(merge<unknown>({}, { one: inner, two: inner }, { a: 1 }).conflicts).toEqual([]);
    inner.self = inner;
    expect(() => merge<unknown>({}, { inner }, { a: 1 })).toThrow(/ours is not JSON, for it contains itself/);
  });

  it('merges values of any depth: below 64 levels they count as one', () => {
    const nested = (open: string, close: string, depth: number) => (leaf: string) =>
      JSON.parse(`${open.repeat(depth)}${leaf}${close.repeat(depth)}`) as Json;
    const leaves = ['{"p":1,"q":1}', '{"p":2,"q":1}', '{"p":1,"q":2}'] as const;
    const merged = (make: (leaf: string) => Json) =>
      merge<Json>(make(leaves[0]), make(leaves[1]), make(leaves[2]));

    const { conflicts, notes } = merged(nested('{"a":', '}', 10_000));
    expect(conflicts.map(({ path }) => path.length)).toEqual([64]);
    expect(notes.map(({ kind }) => kind)).toEqual(['deep']);
    expect(merged(nested('[1,', ']', 10_000)).conflicts).toHaveLength(1);
    expect(merged(nested('{"a":', '}', 60))).toMatchObject({
      value: nested('{"a":', '}', 60)('{"p":2,"q":2}'),
      conflicts: [],
      notes: [],
    });
  });

  it('keeps null and what is not there apart', () => {
    expect(merge<Json>({ a: null }, { a: 1 }, {})).toMatchObject({
      value: { a: 1 },
      conflicts: [{ kind: 'edit-delete' }],
    });
    expect(merge<Json>({}, { a: null }, { a: 1 })).toMatchObject({
      value: { a: null },
      conflicts: [{ kind: 'type' }],
    });
    expect(merge<Json | undefined>(undefined, { a: 1 }, { b: 1 })).toMatchObject({
      value: { a: 1, b: 1 },
      conflicts: [],
    });
    expect(merge<Json | undefined>(1, undefined, 2)).toMatchObject({
      value: 2,
      conflicts: [{ kind: 'delete-edit', path: [] }],
    });
  });
});
