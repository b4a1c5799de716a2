import fc from 'fast-check';
import { InputError, JsonSyntaxError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { equal } from '../../src/json/equal.ts';
import { formatJson } from '../../src/json/format.ts';
import type { Json } from '../../src/json/json.ts';
import { Literal } from '../../src/json/literal.ts';
import { outline } from '../../src/json/outline.ts';
import { type ParseOptions, parseJson } from '../../src/json/parse.ts';
import { patchText } from '../../src/json/patch.ts';

const valueIn = (text: string, options?: ParseOptions) => parseJson(text, options).value;

const names = fc.oneof(fc.constantFrom('id', 'name', 'a', 'b', '__proto__', '10', '2', ''), fc.string());
const numbers = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom('-0', '1e400', '12345678901234567890').map((text) => new Literal(text)),
);

/** Any value, with names and numbers that occur more than once. */
const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json[]>(null, true, 0, 1, 'a', 'b'),
    fc.oneof(numbers, fc.string({ unit: 'binary' })),
    fc.array(tie('json'), { maxLength: 6 }),
    fc
      .uniqueArray(fc.tuple(names, tie('json')), { maxLength: 6, selector: ([name]) => name })
      .map((members) => Object.fromEntries(members) as Json),
    fc
      .uniqueArray(fc.nat(9), { maxLength: 6 })
      .chain(
        (ids) =>
          fc.tuple(...ids.map((id) => tie('json').map((x) => ({ id, x }) as Json))) as fc.Arbitrary<Json>,
      ),
  ),
}));

/** White space, and comments where they are allowed. */
const blanks = {
  json: ['', '', ' ', '\n', '\n  ', '\r\n\t'],
  jsonc: ['', ' ', '\n  ', ' // x\n', '/* , */', ' /*\n*/ ', '// }\r\n'],
};

/** One text of many for a value: other spacing, other escapes, other spellings of numbers. */
function texts(value: Json, kind: keyof typeof blanks): fc.Arbitrary<string> {
  return fc.infiniteStream(fc.nat(99)).map((stream) => {
    const draw = () => stream.next().value as number;
    const blank = () => blanks[kind][draw() % blanks[kind].length] as string;
    const last = (count: number) => (kind === 'jsonc' && count > 0 && draw() % 3 === 0 ? `,${blank()}` : '');
    const quoted = (text: string) =>
      draw() % 5 === 0
        ? `"${[...JSON.stringify(text).slice(1, -1)].join('')}"`.replace(/a/g, '\\u0061')
        : JSON.stringify(text);
    const write = (each: Json): string => {
      if (each instanceof Literal) return each.text;
      if (typeof each === 'number')
        return Number.isInteger(each) && Math.abs(each) < 1e9 && draw() % 3 === 0
          ? `${Object.is(each, -0) ? 0 : each}.0`
          : JSON.stringify(each);
      if (typeof each === 'string') return quoted(each);
      if (typeof each !== 'object' || each === null) return JSON.stringify(each);
      if (Array.isArray(each))
        return `[${each.map((x) => blank() + write(x) + blank()).join()}${last(each.length)}${blank()}]`;
      const members = Object.entries(each).map(
        ([name, x]) => `${blank()}${quoted(name)}${blank()}:${blank()}${write(x)}${blank()}`,
      );
      return `{${members.join()}${last(members.length)}${blank()}}`;
    };
    return `${draw() % 5 === 0 ? '\ufeff' : ''}${blank()}${write(value)}${blank()}`;
  });
}

/** A value and one that is a few changes away from it. */
const pairs = fc.tuple(json, fc.array(fc.tuple(fc.nat(), json), { maxLength: 4 })).map(([from, changes]) => ({
  from,
  to: changes.reduce<Json>((value, [at, x]) => changed(value, at, x), from),
}));

function changed(value: Json, at: number, x: Json): Json {
  if (value instanceof Literal || typeof value !== 'object' || value === null) return x;
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    const place = at % (list.length + 1);
    if (at % 5 === 0) return list.toSpliced(place, 1);
    if (at % 5 === 1) return list.toSpliced(place, 0, x);
    if (at % 5 === 2) return list.toReversed();
    return list.length === 0
      ? [x]
      : list.with(at % list.length, changed(list[at % list.length] as Json, at >> 3, x));
  }
  const members = Object.entries(value);
  const [name = 'new'] = members[at % (members.length + 1)] ?? [];
  if (at % 4 === 0) return Object.fromEntries(members.filter(([each]) => each !== name)) as Json;
  const old = members.find(([each]) => each === name)?.[1] as Json | undefined;
  return Object.fromEntries([
    ...members.filter(([each]) => each !== name),
    [name, old === undefined ? x : changed(old, at >> 3, x)],
  ]) as Json;
}

describe.each(['json', 'jsonc'] as const)('a patched text of %s', (kind) => {
  const options = { jsonc: kind === 'jsonc' };

  it('says the new value, whatever it said before', () => {
    const cases = fc.oneof(
      pairs,
      fc.tuple(json, json).map(([from, to]) => ({ from, to })),
    );
    const written = cases.chain(({ from, to }) => texts(from, kind).map((text) => ({ text, to })));
    fc.assert(
      fc.property(written, ({ text, to }) => {
        const after = patchText(text, to, options);
        expect({ after, equal: equal(valueIn(after, options), to) }).toEqual({ after, equal: true });
      }),
      { numRuns: 2000 },
    );
  });

  it('is the same text if it says the value already [D27]', () => {
    const written = json.chain((value) => texts(value, kind));
    fc.assert(
      fc.property(written, (text) => {
        expect(patchText(text, valueIn(text, options), options)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });
});

/** A text of records as JSON.stringify lays it out. */
function roles(count: number): string {
  const all = Array.from({ length: count }, (_, at) => ({
    id: at,
    name: `role ${at}`,
    rights: ['read', 'write'],
  }));
  return `${JSON.stringify({ roles: all }, null, 2)}\n`;
}

/** The text patched with what `change` makes of its value. */
function edited(text: string, change: (value: never) => unknown, options?: ParseOptions): string {
  const value = JSON.parse(JSON.stringify(valueIn(text, options))) as never;
  return patchText(text, (change(value) ?? value) as Json, options);
}

describe('a change', () => {
  it('of one record among 5,200 touches the bytes of that record only [D27]', () => {
    const text = roles(5200);
    const renamed = edited(text, (value: { roles: { name: string }[] }) => {
      (value.roles[4000] as { name: string }).name = 'x';
    });
    expect(renamed).toBe(text.replace('"role 4000"', '"x"'));
    const shorter = edited(text, (value: { roles: object[] }) => void value.roles.splice(0, 1));
    expect(shorter).toBe(text.replace(/\n {4}\{\n {6}"id": 0,[\s\S]*?\n {4}\},/, ''));
    const longer = edited(
      text,
      (value: { roles: object[] }) => void value.roles.push({ id: 5200, name: 'new' }),
    );
    expect(longer).toBe(
      text.replace(/\n {2}\]/, ',\n    {\n      "id": 5200,\n      "name": "new"\n    }\n  ]'),
    );
  });

  it('keeps spelling, spacing, order, line ends and byte order mark of all else [D8, D26, D27]', () => {
    const text =
      '\ufeff{\r\n\t"b" :  1.0,\r\n\t"\\u0061": -0, "big":12345678901234567890,\r\n\t"10": [ 1e2,2 ],\r\n\t"e": 1e400\r\n}\r\n\r\n';
    const value = valueIn(text) as Record<string, Json>;
    expect(patchText(text, { ...value, '10': [100, 3] })).toBe(text.replace(',2 ]', ',3 ]'));
    expect(patchText(text, { ...value, new: { x: [1] } })).toBe(
      text
        .replace('1e400', '1e400,\r\n\t"new": {\r\n\t\t"x": [\r\n\t\t\t1\r\n\t\t]\r\n\t}')
        .replaceAll('"new": ', '"new":  '.slice(0, -1)),
    );
  });

  it.each<[string, string, (value: never) => unknown, string]>([
    [
      'a new member after its predecessor',
      '{"a":1,"c":3}',
      () => ({ a: 1, b: 2, c: 3 }),
      '{"a":1,"b":2,"c":3}',
    ],
    ['a new first member', '{ "b": 2 }', () => ({ a: 1, b: 2 }), '{ "a": 1, "b": 2 }'],
    [
      'a new member that is called like an index',
      '{\n "b": 2\n}',
      () => ({ 7: 1, b: 2 }),
      '{\n "b": 2,\n "7": 1\n}',
    ],
    [
      'members in their order, whatever that of the value',
      '{"b":1,"a":2}',
      () => ({ a: 2, b: 3 }),
      '{"b":3,"a":2}',
    ],
    ['the first member away', '{ "a": 1, "b": 2 }', () => ({ b: 2 }), '{ "b": 2 }'],
    ['the last member away', '{\n  "a": 1,\n  "b": 2\n}\n', () => ({ a: 1 }), '{\n  "a": 1\n}\n'],
    ['all members away', '{\n  "a": 1\n}\n', () => ({}), '{}\n'],
    ['the first of an empty text', '{}', () => ({ a: { b: [] } }), '{\n  "a": {\n    "b": []\n  }\n}'],
    [
      'into an empty list',
      '{\n\t"a": [],\n\t"b": 1\n}',
      () => ({ a: [1], b: 1 }),
      '{\n\t"a": [\n\t\t1\n\t],\n\t"b": 1\n}',
    ],
    ['into an empty object on one line', '{ "a": {} }', () => ({ a: { b: 1 } }), '{ "a": { "b": 1 } }'],
    ['the first element away', '[1, 2, 3]', () => [2, 3], '[2, 3]'],
    ['an element to the front', '[1, 2, 3]', () => [3, 1, 2], '[3, 1, 2]'],
    ['an element in the middle', '[1,2]', () => [1, 9, 2], '[1,9,2]'],
    [
      'a record like its siblings, on one line',
      '[\n  { "id": 1 },\n  { "id": 2 }\n]',
      () => [{ id: 1 }, { id: 3, x: { y: [1, 2] } }, { id: 2 }],
      '[\n  { "id": 1 },\n  { "id": 3, "x": { "y": [1, 2] } },\n  { "id": 2 }\n]',
    ],
    [
      'a record like its siblings, on several lines',
      '{\n  "a": [{\n    "id": 1\n  }]\n}',
      () => ({ a: [{ id: 1 }, { id: 2 }] }),
      '{\n  "a": [{\n    "id": 1\n  }, {\n    "id": 2\n  }]\n}',
    ],
    ['another type', '{\n  "a": 1\n}', () => ({ a: { b: 2 } }), '{\n  "a": {\n    "b": 2\n  }\n}'],
    ['another type on one line', '[\n  { "a": 1 }\n]', () => [{ a: [1, 2] }], '[\n  { "a": [1, 2] }\n]'],
    ['the root', '1\n', () => ({ a: 1 }), '{\n  "a": 1\n}\n'],
    [
      'a record with its own text when it moves',
      '[{"id":1,"n":1.0}, {"id":2,"n":2.0}, {"id":3}]',
      () => [{ id: 2, n: 2 }, { id: 3 }, { id: 1, n: 5 }],
      '[{"id":2,"n":2.0}, {"id":3}, {"id":1,"n":5}]',
    ],
    [
      'two records far from one another',
      '[[1.0],[2],[3.0],[4],[5.0]]',
      () => [[1], [7], [3], [8], [5]],
      '[[1.0],[7],[3.0],[8],[5.0]]',
    ],
  ])('puts %s where it belongs [D27]', (_, text, change, expected) => {
    expect(edited(text, change)).toBe(expected);
  });

  it.each<[string, string, unknown, string]>([
    [
      'stay with their neighbour',
      '{ // all\n  // of a\n  "a": 1, // a\n  // of b\n  "b": 2 // b\n  // end\n}',
      { a: 1, c: 3, b: 2 },
      '{ // all\n  // of a\n  "a": 1, // a\n  "c": 3,\n  // of b\n  "b": 2 // b\n  // end\n}',
    ],
    [
      'go with their member',
      '{\n  // of a\n  "a": 1, // a\n  // of b\n  "b": 2 // b\n  // end\n}',
      { b: 2 },
      '{\n  // of b\n  "b": 2 // b\n  // end\n}',
    ],
    [
      'of a last member let another one follow',
      '{\n  "b": 2 // b\n}',
      { b: 2, c: 3 },
      '{\n  "b": 2, // b\n  "c": 3\n}',
    ],
    [
      'move with their element',
      '[\n  1, // one\n  /* two */ 2\n]',
      [2, 1],
      '[\n  /* two */ 2,\n  1 // one\n]',
    ],
    ['swallow nothing', '[1, // one\n 2]', [2, 1], '[\n 2,\n 1 // one\n]'],
    ['stay with a last comma', '[\n  1, // one\n]', [1, 2], '[\n  1, // one\n  2,\n]'],
    ['stay in what was empty', '{ // none\n}', { a: 1 }, '{ // none\n  "a": 1\n}'],
  ])('of a text with comments: they %s [D27]', (_, text, to, expected) => {
    expect(patchText(text, to as Json, { jsonc: true })).toBe(expected);
  });

  it('that takes no time but its own is made in a text that is one line of a megabyte', () => {
    const text = JSON.stringify(Array.from({ length: 50_000 }, (_, at) => ({ at })));
    const to = valueIn(text) as readonly Json[];
    expect(
      patchText(
        text,
        to.map(() => 1),
      ),
    ).toBe(`[${'1,'.repeat(49_999)}1]`);
    expect(patchText(text, to.toReversed())).toHaveLength(text.length);
  });

  it('that JSON cannot hold, or that goes too deep, is refused', () => {
    const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect(() => patchText('{"a": 1}', { a: Number.NaN })).toThrow(InputError);
    expect(() => patchText('{"a": 1}', { a: [Number.POSITIVE_INFINITY] })).toThrow('contains Infinity');
    expect(() => patchText('[1]', [valueIn(nested(1000))])).toThrow(/nested deeper than 1000/);
    expect(patchText('[1]', [valueIn(nested(999))])).toBe(`[${nested(999)}]`);
    expect(() =>
      patchText(nested(600), [...(valueIn(nested(600)) as Json[]), valueIn(nested(1000))]),
    ).toThrow(InputError);
    expect(() => patchText('[1,]', [1])).toThrow(JsonSyntaxError);
  });

  it('to a member called __proto__ is one of data [D25]', () => {
    const to = valueIn('{"a": 1, "__proto__": {"x": 2}}');
    expect(patchText('{"a":1}', to)).toBe('{"a":1,"__proto__":{"x":2}}');
    expect(patchText('{"a":1,"__proto__":{"x":1}}', to)).toBe('{"a":1,"__proto__":{"x":2}}');
    expect(patchText('{"a":1,"__proto__":{"x":1}}', { a: 1 })).toBe('{"a":1}');
  });
});

describe('an outline of a text', () => {
  /** A value made of parts of another one, as they are, and of new ones. */
  function remade(from: Json, picks: readonly number[], fresh: Json): Json {
    const pool: Json[] = [fresh];
    const collect = (value: Json) => {
      pool.push(value);
      if (typeof value === 'object' && value !== null && !(value instanceof Literal)) {
        for (const each of Object.values(value)) collect(each as Json);
      }
    };
    collect(from);
    let next = 0;
    const pick = () => pool[(picks[next++ % picks.length] as number) % pool.length] as Json;
    const again = (value: Json, depth: number): Json => {
      if ((picks[next++ % picks.length] as number) % 3 === 0) return pick();
      if (depth > 4 || typeof value !== 'object' || value === null || value instanceof Literal) return value;
      if (Array.isArray(value)) return [...value.map((each) => again(each, depth + 1)), pick()];
      const members = Object.entries(value).map(([name, each]) => [name, again(each, depth + 1)] as const);
      return Object.fromEntries(members);
    };
    return again(from, 0);
  }

  it('gives a patch as all of the text does, whatever both values share [D27]', () => {
    const picks = fc.array(fc.nat(99), { minLength: 3, maxLength: 20 });
    fc.assert(
      fc.property(json, json, picks, fc.constantFrom('', '  ', '\t'), (value, fresh, chosen, indent) => {
        const text = `\ufeff${formatJson(value, { indent })}\n`;
        const from = valueIn(text);
        const to = remade(from, chosen, fresh);
        const patched = patchText(text, to, { parsed: outline(text, from, to) });
        expect(patched).toBe(patchText(text, to));
        expect(equal(valueIn(patched), to)).toBe(true);
      }),
      { numRuns: Number(process.env.HOLDFAST_PATCHES ?? 300) },
    );
  });

  it('finds what it has left out where a list has it twice, and one of the two changes', () => {
    const text = '[{"a":1}, {"a":1}]';
    const from = valueIn(text) as Json[];
    const to = [from[1], { a: 2 }] as Json;
    expect(patchText(text, to, { parsed: outline(text, from, to) })).toBe('[{"a":1}, {"a":2}]');
  });

  it('leaves out what stays: strings with quotes, brackets and backslashes in them are passed over', () => {
    const text = '{ "a": ["]\\\\", "\\"}", {"x": [1e5, -0, true]}], "b": 1 }';
    const from = valueIn(text) as Record<string, Json>;
    const to = { ...from, b: 2 };
    const parsed = outline(text, from, to);
    expect(parsed.spans.length / 3).toBe(5);
    expect(patchText(text, to, { parsed })).toBe(text.replace('"b": 1', '"b": 2'));
  });
});
