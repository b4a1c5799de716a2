import { expect, it } from 'vitest';
import { formatJson } from '../../src/json/format.ts';
import { sniff } from '../../src/json/sniff.ts';

it.each<[string, object]>([
  ['{\n  "a": 1\n}\n', { indent: '  ', newline: '\n', bom: false, finalNewline: true, gap: ' ' }],
  ['\ufeff{\r\n\t"a":1\r\n}', { indent: '\t', newline: '\r\n', bom: true, finalNewline: false, gap: '' }],
  ['[\n    1]', { indent: '    ', gap: ' ' }],
  ['{"a":1}\n', { indent: '', gap: '', pad: '', finalNewline: true }],
  ['{ "a": 1 }', { indent: '', gap: ' ', pad: ' ', finalNewline: false }],
  ['{}\n', { indent: '  ', newline: '\n', gap: ' ' }],
  ['', { indent: '  ', newline: '\n', finalNewline: false }],
  ['[\n1,\n2\n]', { indent: '' }],
  ['[\r  1\r]\r', { indent: '  ', newline: '\r', finalNewline: true }],
])('the layout of %j is seen [D27]', (text, layout) => {
  expect(sniff(text)).toMatchObject(layout);
});

it('a whole new document is laid out with two spaces, or as one is told', () => {
  expect(formatJson({ a: [1, {}], b: [] })).toBe('{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}\n');
  expect(formatJson({ a: [1, 2] }, { indent: '', newline: '\r\n' })).toBe('{"a":[1,2]}\r\n');
  expect(formatJson(null)).toBe('null\n');
});
