import { PathNotFoundError } from 'holdfast';
import { expect, it } from 'vitest';
import { lookUp, replaced, valueAt, without } from '../../src/json/lookup.ts';
import { parseJson } from '../../src/json/parse.ts';
import { type Path, parsePath } from '../../src/json/path.ts';

const text =
  '{"roles": [{"id": 1, "name": "a"}, {"id": 42, "name": "b"}, {"id": "42"}], "__proto__": {"x": 1}, "n": null}';
const { value } = parseJson(text);

it.each([
  ['', value],
  ['roles[id=42].name', 'b'],
  ['roles[id="42"]', { id: '42' }],
  ['roles[0].id', 1],
  ['n', null],
  ['__proto__.x', 1],
  ['roles[3]', undefined],
  ['roles.length', undefined],
  ['constructor', undefined],
  ['n.x', undefined],
  ['roles[id=42].name[0]', undefined],
  ['roles[name=b].id', 42],
])('the value at %j is found [D25]', (path, found) => {
  expect(lookUp(value, parsePath(path))).toEqual(found);
});

it.each([
  ['roles[id=42].name', '"b"', '"x"'],
  ['roles[0]', '{"id": 1, "name": "a"}', '"x"'],
  ['roles[3]', '"42"}', '"42"}, "x"'],
  ['roles[0].new', '"a"', '"a", "new": "x"'],
  ['__proto__', '{"x": 1}', '"x"'],
  ['n', 'null', '"x"'],
])('the value at %j is replaced or added, and nothing else changes [D25]', (path, old, made) => {
  expect(replaced(value, parsePath(path), 'x')).toEqual(parseJson(text.replace(old, made)).value);
  expect(value).toEqual(parseJson(text).value);
});

it.each([
  ['roles[id=7].name', 'roles[id=7]', 'no element of the list has that'],
  ['roles[9]', 'roles[9]', 'the list has 3 elements'],
  ['rolls.x', 'rolls', 'there is no such member'],
  ['n.x', 'n.x', 'what has it is no object'],
  ['n[0]', 'n[0]', 'what has it is no list'],
  ['roles[id=9]', 'roles[id=9]', 'no element of the list has that'],
  ['roles.x', 'roles.x', 'what has it is no object'],
])('a path to nothing, %s, is refused, naming where it ends', (path, end, problem) => {
  expect(() => replaced(value, parsePath(path), 1)).toThrow(PathNotFoundError);
  expect(() => replaced(value, parsePath(path), 1)).toThrow(`There is nothing at ${end}: ${problem}.`);
});

it.each(['roles[id=1].name', 'roles[id=1]'])(
  'a path that more than one record fits, %s, is refused, and says where they are [D22, D25]',
  (path) => {
    const { value } = parseJson(
      '{"roles": [{"id": 1, "name": "a"}, {"id": 2}, {"id": 1}, {"id": 1}, {"id": 1}]}',
    );
    const said =
      'There is more than one record at roles[id=1]: [0], [2], [3] and 1 more. Name the one you mean by its index.';
    expect(() => replaced(value, parsePath(path), 'x')).toThrow(said);
    expect(() => valueAt(value, parsePath(path))).toThrow(said);
    expect(replaced(value, parsePath('roles[2].id'), 3)).toMatchObject({ roles: { 2: { id: 3 } } });
  },
);

it('a record is found by its number, however many digits that has, and by no other one [D26]', () => {
  const text = '[{"id": 1234567890123456781}, {"id": 1234567890123456782, "v": 1}, {"id": 1e3}, {"id": -0}]';
  const { value } = parseJson(text);
  const to = (path: string, made: string) => replaced(value, parsePath(path), made);
  expect(to('[id=1234567890123456782].v', 'x')).toEqual(parseJson(text.replace('"v": 1', '"v": "x"')).value);
  expect(lookUp(value, parsePath('[id=1000]'))).toEqual({ id: 1000 });
  expect(lookUp(value, parsePath('[id=-0]'))).toBe((value as readonly unknown[])[3]);
  for (const path of ['[id=1234567890123456783]', '[id=1234567890123456800]', '[id="1234567890123456782"]']) {
    expect(() => to(path, 'x')).toThrow(`There is nothing at ${path}: no element of the list has that.`);
  }
});

it.each([
  ['roles[id=42]', '{"id": 42, "name": "b"}, ', ''],
  ['roles[0].name', ', "name": "a"', ''],
])('what is at %s is taken away, and nothing else [D25]', (path, old, made) => {
  expect(without(value, parsePath(path))).toEqual(parseJson(text.replace(old, made)).value);
});

it.each(['roles[id=9]', 'roles[3]', 'x', 'n.x', 'roles.length'])(
  'what is not there, %s, cannot be taken away, and that is an error',
  (path) => {
    expect(() => without(value, parsePath(path))).toThrow(PathNotFoundError);
  },
);

it('the root is replaced by the empty path', () => {
  expect(replaced(value, [] satisfies Path, 1)).toBe(1);
});
