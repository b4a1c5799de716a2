import fc from 'fast-check';
import { InputError, PathSyntaxError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Literal } from '../../src/json/literal.ts';
import { formatPath, type Path, parsePath } from '../../src/json/path.ts';

const field = fc.oneof(fc.constantFrom('id', 'key', 'a.b', ''), fc.string());
const step = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.nat(),
  fc
    .tuple(field, fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer()))
    .map(([name, value]) => ({ [name]: Object.is(value, -0) ? 0 : value })),
);

describe('a path', () => {
  it.each<[string, Path]>([
    ['roles[id=42].name', ['roles', { id: 42 }, 'name']],
    ['["a.b"]', ['a.b']],
    ['[3]', [3]],
    ['', []],
    ['roles[id="42"]', ['roles', { id: '42' }]],
    ['roles[id=1234567890123456782]', ['roles', { id: new Literal('1234567890123456782') }]],
    ['roles[id="1234567890123456782"]', ['roles', { id: '1234567890123456782' }]],
    ['roles[id=admin].permissions[0]', ['roles', { id: 'admin' }, 'permissions', 0]],
    ['a["10"]["[id=1]"][""]', ['a', '10', '[id=1]', '']],
  ])('is %s as text and as data', (text, path) => {
    expect(formatPath(path)).toBe(text);
    expect(parsePath(text)).toEqual(path);
  });

  it('may be typed without the quotes that it is written with', () => {
    expect(parsePath('roles.3[key=a-1].ö')).toEqual(['roles', '3', { key: 'a-1' }, 'ö']);
  });

  it('has the number 1000 for 1000, 1e3 and 1000.0, as the document has', () => {
    for (const text of ['1000', '1e3', '1000.0']) expect(parsePath(`[id=${text}]`)).toEqual([{ id: 1000 }]);
  });

  it('is the same after it was written and read', () => {
    fc.assert(
      fc.property(fc.array(step), (path) => {
        expect(parsePath(formatPath(path))).toEqual(path);
      }),
    );
  });

  it.each([
    ['roles[id=42', 11, /character 12: a closing bracket is missing/],
    ['a..b', 2, /a name is missing/],
    ['a b', 1, /a dot or an opening bracket is missing/],
    ['a[b]', 2, /between brackets goes an index/],
    ['a["b]', 2, /a closing quote is missing/],
    ['a["\\x"]', 2, /not a JSON string/],
    ['"a"', 0, /goes between brackets/],
    ['a[99999999999999999999]', 2, /too large/],
    ['a[id=]', 5, /a name is missing/],
    ['a]', 1, /a dot or an opening bracket is missing/],
  ])('that is wrong, %s, is refused with the place', (text, offset, message) => {
    expect(() => parsePath(text)).toThrow(PathSyntaxError);
    expect(() => parsePath(text)).toThrow(
      expect.objectContaining({ offset, path: text, message: expect.stringMatching(message) }),
    );
  });

  it('never fails in another way, whatever the text', () => {
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...'a1.[]="\\=-e ')).map((signs) => signs.join('')),
    );
    fc.assert(
      fc.property(text, (path) => {
        try {
          parsePath(path);
        } catch (error) {
          expect(error).toBeInstanceOf(PathSyntaxError);
        }
      }),
    );
  });

  it('refuses a step without a field', () => {
    expect(() => formatPath([{}])).toThrow(InputError);
  });
});
