import { type Json, Literal, merge } from 'holdfast/merge';
import { describe, expect, it } from 'vitest';

const clean = (value: unknown, notes: unknown = expect.anything()) => ({ value, conflicts: [], notes });

describe('records', () => {
  const base = { roles: [role(1, 'reader'), role(2, 'author'), role(3, 'owner')] };

  function role(id: number, name: string) {
    return { id, name };
  }

  it('are merged by their ids, wherever they stand [D20]', () => {
    const ours = { roles: [role(0, 'guest'), ...base.roles] };
    const theirs = { roles: [role(1, 'reader'), role(3, 'OWNER')] };
    expect(merge(base, ours, theirs)).toEqual(
      clean({ roles: [role(0, 'guest'), role(1, 'reader'), role(3, 'OWNER')] }, [
        { kind: 'keyed', path: ['roles'], text: 'roles', field: 'id' },
      ]),
    );
  });

  it('of which one side removes what the other edits are a conflict, and the edited one stays [D21]', () => {
    const ours = { roles: [role(1, 'reader'), role(3, 'owner')] };
    const theirs = { roles: [role(1, 'reader'), role(2, 'writer'), role(3, 'owner')] };
    const place = { path: ['roles', { id: 2 }], text: 'roles[id=2]', base: role(2, 'author') };
    expect(merge(base, ours, theirs)).toMatchObject({
      value: theirs,
      conflicts: [{ kind: 'delete-edit', ...place, theirs: role(2, 'writer') }],
    });
    expect(merge(base, theirs, ours)).toMatchObject({
      value: theirs,
      conflicts: [{ kind: 'edit-delete', ...place, ours: role(2, 'writer') }],
    });
    expect(Object.keys(merge(base, ours, theirs).conflicts[0] ?? {})).not.toContain('ours');
  });

  it('that one side moves and the other removes are removed', () => {
    const moved = { roles: [role(3, 'owner'), role(1, 'reader'), role(2, 'author')] };
    const removed = { roles: [role(1, 'reader'), role(2, 'author')] };
    expect(merge(base, moved, removed)).toEqual(clean(removed));
  });

  it('are left as they are when an id stands there twice, and a note says so [D22]', () => {
    const twice = {
      roles: [
        { id: 1, seats: 1 },
        { id: 1, seats: 2 },
      ],
    };
    const one = {
      roles: [
        { id: 1, seats: 3 },
        { id: 1, seats: 2 },
      ],
    };
    const other = {
      roles: [
        { id: 1, seats: 1 },
        { id: 1, seats: 4 },
      ],
    };
    expect(merge(twice, one, other)).toEqual({
      value: one,
      conflicts: [
        {
          kind: 'edit-edit',
          path: ['roles'],
          text: 'roles',
          base: twice.roles,
          ours: one.roles,
          theirs: other.roles,
        },
      ],
      notes: [{ kind: 'duplicate', path: ['roles'], text: 'roles', field: 'id' }],
    });
    expect(merge(twice, one, twice).value).toBe(one);
  });

  it('that both add under one id are a conflict, and never become a mix of the two [D23]', () => {
    const ours = { roles: [...base.roles, { id: 4, name: 'lead', seats: 1 }] };
    const theirs = { roles: [...base.roles, { id: 4, name: 'guest', rooms: 2 }] };
    expect(merge(base, ours, theirs)).toMatchObject({
      value: ours,
      conflicts: [{ kind: 'add-add', text: 'roles[id=4]', ours: ours.roles[3], theirs: theirs.roles[3] }],
    });
    expect(merge(base, ours, structuredClone(ours))).toEqual(clean(ours, []));
  });

  it('with the id 1 and with the id "1" are two', () => {
    const of = (number: string, text: string) => [
      { id: 1, number },
      { id: '1', text },
    ];
    expect(merge(of('a', 'a'), of('b', 'a'), of('a', 'b'))).toEqual(clean(of('b', 'b')));
  });

  it('are told apart by ids that no double can hold, too [D26]', () => {
    const id = (digit: string) => new Literal(`1234567890123456789${digit}`);
    const of = (a: string, b: string): Json => [
      { id: id('1'), a },
      { id: id('2'), b },
    ];
    expect(merge(of('0', '0'), of('1', '0'), of('0', '1'))).toEqual(clean(of('1', '1')));
    expect(merge(of('0', '0'), of('1', '0'), of('2', '0')).conflicts).toMatchObject([
      { text: '[id=12345678901234567891].a', path: [{ id: id('1') }, 'a'] },
    ]);
  });
});

describe('a time of the last change', () => {
  const of = (name: string, seats: number, at: unknown) => ({ name, seats, at });
  const options = { volatile: ['at'] };

  it('becomes the later one, and is no conflict [D24]', () => {
    const base = of('a', 1, '2026-11-01T10:00:00Z');
    const ours = of('b', 1, '2026-11-02T10:00:00+05:00');
    const theirs = of('a', 2, '2026-11-02T06:00:00Z');
    expect(merge(base, ours, theirs, options)).toEqual(clean(of('b', 2, theirs.at), []));
    expect(merge(base, theirs, ours, options)).toEqual(clean(of('b', 2, theirs.at), []));
    expect(merge(of('a', 1, 1), of('b', 1, 9), of('a', 2, 10), options)).toEqual(clean(of('b', 2, 10), []));
    expect(
      merge<Json>(
        { name: 'a', seats: 1, at: null },
        { name: 'b', seats: 1, at: null },
        { name: 'a', seats: 2 },
        options,
      ),
    ).toEqual(clean({ name: 'b', seats: 2 }, []));
  });

  it('is no change by itself: what differs only there can be removed [D24]', () => {
    const base = [
      { id: 1, at: 1 },
      { id: 2, at: 1 },
    ];
    const touched = [
      { id: 1, at: 1 },
      { id: 2, at: 5 },
    ];
    expect(merge(base, touched, base.slice(0, 1), options)).toEqual(clean(base.slice(0, 1)));
    expect(merge(base, base.slice(0, 1), touched, options)).toEqual(clean(base.slice(0, 1)));
    expect(merge(base, base.slice(0, 1), touched).conflicts).toMatchObject([{ kind: 'delete-edit' }]);
  });
});

it('takes __proto__ for a name as any other, and gives nothing a prototype [D25]', () => {
  const [base, ours, theirs] = [
    '{"__proto__":{"a":1,"b":1},"constructor":{"prototype":1}}',
    '{"__proto__":{"a":2,"b":1},"constructor":{"prototype":1}}',
    '{"__proto__":{"a":1,"b":2,"admin":true},"constructor":{"prototype":2}}',
  ].map((text) => JSON.parse(text) as Json);
  const { value, conflicts } = merge(base, ours, theirs);
  expect(JSON.stringify(value)).toBe(
    '{"__proto__":{"a":2,"b":2,"admin":true},"constructor":{"prototype":2}}',
  );
  expect(conflicts).toEqual([]);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(({} as { admin?: unknown }).admin).toBeUndefined();

  const added = merge({}, JSON.parse('{"__proto__":{"admin":true}}') as Json, { a: 1 }).value;
  expect([JSON.stringify(added), (added as { admin?: unknown }).admin]).toEqual([
    '{"__proto__":{"admin":true},"a":1}',
    undefined,
  ]);
});

it.each(['toString', 'constructor', 'hasOwnProperty'])(
  'has only the members that a value has itself: %s, which one side removed, is gone [D25]',
  (name) => {
    const { value } = merge<Json>({ [name]: 1, a: 1 }, { a: 1 }, { [name]: 1, a: 2 });
    expect(Object.entries(value as object)).toEqual([['a', 2]]);
  },
);

it('compares numbers that no double can hold by their text [D26]', () => {
  const [base, ours, theirs] = ['10000000000000000001', '10000000000000000002', '-0'].map(
    (text) => new Literal(text),
  );
  expect(
    merge<Json>({ n: base as Literal }, { n: ours as Literal }, { n: new Literal('10000000000000000001') }),
  ).toEqual(clean({ n: ours }, []));
  expect(
    merge<Json>({ n: base as Literal }, { n: ours as Literal }, { n: theirs as Literal }).conflicts,
  ).toMatchObject([{ kind: 'edit-edit', text: 'n', ours, theirs }]);
});
