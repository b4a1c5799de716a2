import fc from 'fast-check';
import { JsonSyntaxError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Literal } from '../../src/json/literal.ts';
import { type ParseOptions, parseJson } from '../../src/json/parse.ts';

const valueIn = (text: string, options?: ParseOptions) => parseJson(text, options).value;

/** What `JSON.parse` says: a value, or nothing where it throws. */
function native(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** The same of our own; a member that stands twice ends it there. */
function own(text: string): { readonly value: unknown } | 'twice' | undefined {
  try {
    return { value: asNumbers(valueIn(text)) };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return error.first === undefined ? undefined : 'twice';
  }
}

function asNumbers(value: unknown): unknown {
  if (value instanceof Literal) return value.valueOf();
  if (Array.isArray(value)) return value.map(asNumbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, asNumbers(each)]));
}

function expectAgreement(text: string): void {
  const expected = native(text);
  const met = own(text);
  if (met !== 'twice') expect(met).toEqual(expected);
}

/** Texts that are nearly JSON: a valid one with a few signs changed. */
const damaged = fc
  .tuple(
    fc.json(),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'{}[],:"\\ \n\t0123-+.eEu/tfn\u0000\u2028x')), {
      maxLength: 3,
    }),
  )
  .map(([text, changes]) =>
    changes.reduce((before, [at, sign]) => {
      const place = at % (before.length + 1);
      return before.slice(0, place) + sign + before.slice(place + (at % 2));
    }, text),
  );

describe('the parser', () => {
  it('says what JSON.parse says of any JSON', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.json(), fc.json({ stringUnit: 'grapheme' }), fc.json({ stringUnit: 'binary' })),
        expectAgreement,
      ),
      { numRuns: 300 },
    );
  });

  it('refuses what JSON.parse refuses, and takes what it takes', () => {
    fc.assert(fc.property(damaged, expectAgreement), { numRuns: 3000 });
  });

  it.each([
    '',
    ' ',
    'nul',
    'truex',
    '01',
    '-',
    '1.',
    '.5',
    '1e',
    '+1',
    '0x1',
    'NaN',
    '-Infinity',
    "'a'",
    '[1,]',
    '[,1]',
    '{,}',
    '{"a":1,}',
    '{"a" 1}',
    '{a:1}',
    '[1 2]',
    '1 2',
    '"\t"',
    '"\\x"',
    '"\\u12"',
    '"\\u00e',
    '"',
    '[',
    '{',
    '{"a',
    '{"a"',
    '{"a":',
    '// x\n1',
    '/**/1',
    '\u00a01',
    '1\u0000',
    '\ufeff\ufeff1',
    '1.5.5',
    '1-1',
    '٣',
  ])('refuses %j', (text) => {
    expect(native(text)).toBeUndefined();
    expect(() => valueIn(text)).toThrow(JsonSyntaxError);
  });

  it.each([
    '0',
    '-1',
    '1.0',
    '10',
    '1e2',
    '1E+2',
    '1e-2',
    '123456789012345',
    '9007199254740993',
    '0.1',
    '"\\u0041\\n\\/"',
    '"\u2028\ud800"',
    '[]',
    '{}',
    '[[],{}]',
    ' \r\n\t1 ',
    '{"":{"":0}}',
  ])('takes %j', (text) => {
    expect(own(text)).toEqual(native(text));
  });

  it.each([
    ['', 1, 1, 0, /the text ends where a value belongs/],
    ['{\n  "a": 1,\n', 3, 1, 12, /the end of the text stands where the name of a member/],
    ['{"a": [1, 2\r\n', 2, 1, 13, /the text ends, and a comma or \] is missing/],
    ['[\r1,\r\n22\n33]', 4, 1, 9, /a comma or \] is missing before "33"/],
    ['\ufeff{"a": x}', 1, 7, 7, /"x" stands where a value belongs/],
    ['[1,\n2,\n]', 2, 2, 5, /a comma stands after the last element/],
    ['{"a": "b\nc"}', 1, 9, 8, /control character U\+000A/],
    ['{"a": "b', 1, 9, 8, /ends inside of a string/],
    ['[1] // no', 1, 5, 4, /a comment stands after the end/],
    ['{"a": \u00a01}', 1, 7, 6, /the character U\+00A0/],
    ['{"a"= 1}', 1, 5, 4, /a colon is missing after the name "a"/],
  ])(
    'says the line and the column, also at the end of the text: %j',
    (text, line, column, offset, message) => {
      const error = expect.objectContaining({
        line,
        column,
        offset,
        message: expect.stringMatching(message),
      });
      expect(() => valueIn(text)).toThrow(error);
    },
  );

  it('refuses a member that stands twice, with both places [D26]', () => {
    const text = '{\n  "roles": [{ "id": 1,\n    "na\\u006de": "a",\n    "name": "b" }]\n}';
    expect(() => valueIn(text)).toThrow(
      expect.objectContaining({
        line: 4,
        column: 5,
        first: { line: 3, column: 5, offset: expect.any(Number) },
        message:
          'Line 4, column 5: the member "name" stands twice in one object, the first time at line 3, column 5.',
      }),
    );
    expect(() => valueIn('{"__proto__":1,"__proto__":2}')).toThrow(/stands twice/);
  });

  it('keeps numbers that a double cannot hold as they were written [D26]', () => {
    const texts = [
      '-0',
      '-0.0',
      '0e-5',
      '1e400',
      '-1e400',
      '12345678901234567890',
      '9007199254740993',
      '0.1',
      '0.10',
      '1.0',
      '1e2',
      '5e-324',
      '1e-400',
      '0.1000000000000000055511151231257827',
      '100000000000000000000',
      '1e21',
      '123e-2',
    ];
    const kept = texts.filter((text) => valueIn(text) instanceof Literal);
    expect(kept).toEqual([
      '-0',
      '-0.0',
      '1e400',
      '-1e400',
      '12345678901234567890',
      '9007199254740993',
      '1e-400',
      '0.1000000000000000055511151231257827',
    ]);
    expect(valueIn('1e400')).toMatchObject({ text: '1e400' });
  });

  it('takes __proto__ for a member as any other [D25]', () => {
    const value = valueIn('{"__proto__": {"polluted": true}, "constructor": 1, "toString": 2}') as object;
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect('polluted' in value).toBe(false);
  });

  it('takes a byte order mark before the value [D8]', () => {
    expect(valueIn('\ufeff{"a": 1}')).toEqual({ a: 1 });
  });

  it('takes 1,000 levels, and refuses more with a typed error', () => {
    const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`;
    expect(() => valueIn(nested(1000))).not.toThrow();
    expect(() => valueIn(nested(1002))).toThrow(JsonSyntaxError);
    expect(() => valueIn('['.repeat(1_000_000))).toThrow(/deeper than 1000 levels/);
  });

  it('takes comments and last commas only where they are allowed', () => {
    const text = '// head\n{ /* a */ "a": [1, /* x */ 2, // two\n ], // end\n}\n// tail';
    expect(valueIn(text, { jsonc: true })).toEqual({ a: [1, 2] });
    expect(() => valueIn(text)).toThrow(/Line 1, column 1: a comment stands/);
    for (const wrong of ['[,]', '{,}', '[1,,]', '/* 1', '1 /*', '/', '[1] /', '{"a"/ :1}']) {
      expect(() => valueIn(wrong, { jsonc: true }), wrong).toThrow(JsonSyntaxError);
    }
  });

  it('knows where each value stands', () => {
    const text = ' {"a": [1, "x"], "b": {}} ';
    const { spans } = parseJson(text);
    const nodes = Array.from({ length: spans.length / 3 }, (_, at) =>
      text.slice(spans[at * 3], spans[at * 3 + 1]),
    );
    expect(nodes).toEqual(['{"a": [1, "x"], "b": {}}', '"a"', '[1, "x"]', '1', '"x"', '"b"', '{}']);
    expect(spans.filter((_, at) => at % 3 === 2)).toEqual([21, 6, 15, 12, 15, 18, 21]);
  });
});
