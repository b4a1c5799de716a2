import { expect, it } from 'vitest';
import { equal } from '../../src/json/equal.ts';
import { parseJson } from '../../src/json/parse.ts';

it.each([
  ['{"a": 1, "b": [{}]}', '{"b": [{}], "a": 1.0}', true],
  ['[1, 2]', '[2, 1]', false],
  ['[1]', '[1, 2]', false],
  ['{"a": 1}', '{"a": 1, "b": 2}', false],
  ['{"a": 1, "b": 2}', '{"a": 1, "c": 2}', false],
  ['{"toString": null}', '{"a": null}', false],
  ['12345678901234567890', '12345678901234567891', false],
  ['1e400', '1e400', true],
  ['1e400', '1e401', false],
  ['-0', '0', false],
  ['1', '"1"', false],
  ['[]', '{}', false],
  ['null', '{}', false],
])(
  '%s and %s: equal is %s, whatever the order of members, and by the text of exact numbers [D26]',
  (a, b, same) => {
    expect(equal(parseJson(a).value, parseJson(b).value)).toBe(same);
    expect(equal(parseJson(b).value, parseJson(a).value)).toBe(same);
  },
);
