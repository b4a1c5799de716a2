import fc from 'fast-check';
import { InputError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { draftOf } from '../../src/json/draft.ts';
import { equal } from '../../src/json/equal.ts';
import type { Json } from '../../src/json/json.ts';
import { parseJson } from '../../src/json/parse.ts';
import { patchText } from '../../src/json/patch.ts';
import { jsonOf, plain } from '../../src/json/values.ts';

const valueIn = (text: string) => parseJson(text).value;

/** The text after a program got the plain value, changed a copy of it, and gave it back. */
function edited(text: string, change: (value: never) => unknown): string {
  const { value, exact } = draftOf(valueIn(text));
  const copy = structuredClone(value) as never;
  return patchText(text, exact(change(copy) ?? copy));
}

describe('plain values', () => {
  it('have doubles in place of literals, and are the very same where there are none', () => {
    const value = valueIn(
      '{"a": [1, {"b": 12345678901234567890}], "c": {"d": -0, "__proto__": 1e400}, "e": {}}',
    ) as Record<string, Json>;
    const result = plain(value) as Record<string, never>;
    expect(result).toEqual({
      a: [1, { b: 12345678901234567000 }],
      c: Object.fromEntries([
        ['d', -0],
        ['__proto__', Number.POSITIVE_INFINITY],
      ]),
      e: {},
    });
    expect(result.e).toBe(value.e);
    expect(plain(value.e as Json)).toBe(value.e);
  });

  it('give the literals back that were not touched, also when elements come, go and move [D26]', () => {
    const text =
      '{"n": -0, "list": [{"id": 1, "big": 12345678901234567890}, {"id": 2, "big": 1e400}, [9007199254740993]]}';
    expect(edited(text, () => undefined)).toBe(text);
    expect(edited(text, (value: { list: unknown[] }) => void value.list.shift())).toBe(
      text.replace('{"id": 1, "big": 12345678901234567890}, ', ''),
    );
    expect(edited(text, (value: { list: { id: number }[] }) => void value.list.unshift({ id: 0 }))).toBe(
      text.replace('[{', '[{"id": 0}, {'),
    );
    expect(edited(text, (value: { list: { id: number }[] }) => void value.list.reverse())).toBe(
      '{"n": -0, "list": [[9007199254740993], {"id": 2, "big": 1e400}, {"id": 1, "big": 12345678901234567890}]}',
    );
    expect(edited(text, (value: object) => ({ ...value, n: 0 }))).toBe(text.replace('-0', '0'));
  });

  it('of any JSON give equal JSON back', () => {
    const literals = fc.constantFrom('-0', '1e400', '12345678901234567890', '1.50', '1');
    const { json } = fc.letrec<{ json: string }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 4 },
        literals,
        fc.array(tie('json'), { maxLength: 4 }).map((all) => `[${all.join()}]`),
        fc
          .uniqueArray(fc.tuple(fc.constantFrom('id', '__proto__', 'a'), tie('json')), {
            maxLength: 3,
            selector: ([name]) => name,
          })
          .map((all) => `{${all.map(([name, each]) => `"${name}":${each}`).join()}}`),
      ),
    }));
    fc.assert(
      fc.property(json, (text) => {
        const from = valueIn(text);
        const { value, exact } = draftOf(from);
        expect(exact(value)).toBe(from);
        expect(equal(exact(structuredClone(value)), from)).toBe(true);
        expect(equal(exact(plain(from)), from)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('are taken as JSON.stringify takes them where it loses nothing', () => {
    const date = new Date(0);
    class Role {
      id = 1;
    }
    const made = jsonOf({ date, role: new Role(), gone: undefined, nothing: null, [Symbol('x')]: 1 });
    expect(made).toEqual({ date: '1970-01-01T00:00:00.000Z', role: { id: 1 }, nothing: null });
    expect(Object.keys(made as object)).toEqual(['date', 'role', 'nothing']);
  });

  it.each<[string, unknown, string]>([
    ['NaN', { roles: [{ x: Number.NaN }] }, 'value contains NaN at roles[0].x, which JSON cannot hold.'],
    ['Infinity', [Number.POSITIVE_INFINITY], 'value contains Infinity at [0], which JSON cannot hold.'],
    ['a function', { f() {} }, 'value contains a function at f, which JSON cannot hold.'],
    ['a bigint', { n: 1n }, 'value contains a bigint at n, which JSON cannot hold.'],
    ['a Map', { 'a.b': new Map() }, 'value contains a Map at ["a.b"], which JSON cannot hold.'],
    ['an undefined element', [undefined], 'value contains undefined at [0], which JSON cannot hold.'],
    ['a hole', new Array(1), 'value contains undefined at [0], which JSON cannot hold.'],
    ['nothing at all', undefined, 'value contains undefined, which JSON cannot hold.'],
    ['a promise', { p: Promise.resolve() }, 'value contains a Promise at p, which JSON cannot hold.'],
  ])('that contain %s are refused, with the path', (_, value, message) => {
    expect(() => jsonOf(value)).toThrow(InputError);
    expect(() => jsonOf(value)).toThrow(message);
  });

  it('that contain themselves are refused', () => {
    const value: { self?: unknown } = {};
    value.self = value;
    expect(() => jsonOf(value)).toThrow(/contains itself/);
  });

  it('share nothing with what the program gave, but what it was given', () => {
    const from = valueIn('{"a": {"x": 1}, "b": 1}') as Record<string, Json>;
    const own = { y: 1 };
    const result = jsonOf({ ...(plain(from) as object), b: own }, from) as Record<string, Json>;
    expect(result.a).toBe(from.a);
    expect(result.b).toEqual(own);
    expect(result.b).not.toBe(own);
  });
});
