import { createHash } from 'node:crypto';
import fc from 'fast-check';
import ssri from 'ssri';
import { expect, it } from 'vitest';
import { type Algorithm, formatIntegrity, matches, parseIntegrity } from '../../src/content/integrity.ts';

const CONTENT = Buffer.from('what is to be checked');
const ALGORITHMS = ['sha512', 'sha384', 'sha256', 'sha1', 'md5'] as const;

const hex = (algorithm: string, bytes: Uint8Array = CONTENT) =>
  createHash(algorithm).update(bytes).digest('hex');
const digests = Object.fromEntries(ALGORITHMS.map((each) => [each, hex(each)]));
const right = (algorithm: Algorithm) => formatIntegrity(algorithm, hex(algorithm));
const wrong = (algorithm: Algorithm, salt = 'x') =>
  formatIntegrity(algorithm, hex(algorithm, Buffer.from(salt)));
const accepts = (text: string, allowWeak = false) => matches(parseIntegrity(text, { allowWeak }), digests);

it.each<[string, string, boolean]>([
  ['one digest', right('sha256'), true],
  ['a wrong one', wrong('sha256'), false],
  ['the strongest one, though a weaker one is wrong', `${wrong('sha256')} ${right('sha512')}`, true],
  ['only the strongest one, though a weaker one is right', `${right('sha256')} ${wrong('sha512')}`, false],
  [
    'any one of several that are as strong',
    `${wrong('sha384')} ${right('sha384')} ${wrong('sha384', 'y')}`,
    true,
  ],
  ['none of several', `${wrong('sha384')} ${wrong('sha384', 'y')}`, false],
  ['a digest beside an unknown algorithm', `sha3-AAAA ${right('sha256')} constructor-AAAA`, true],
  ['no weak digest beside a strong one', `${right('sha1')} ${wrong('sha256')}`, false],
  ['any white space', `\n ${wrong('sha256')}\t${right('sha256')} `, true],
  ['options', `${right('sha256')}?application/octet-stream`, true],
  ['the other alphabet of Base64', right('sha512').replaceAll('+', '-').replaceAll('/', '_'), true],
  ['no padding', right('sha256').replace('=', ''), true],
  ['an algorithm in upper case', right('sha256').replace('sha', 'SHA'), true],
])('reads %s [K34]', (_, text, expected) => {
  expect(accepts(text)).toBe(expected);
});

it.each(['sha1', 'md5'] as const)('takes %s only with allowWeak [K34]', (algorithm) => {
  expect(() => accepts(right(algorithm))).toThrow(
    /^integrity must have .* sha1 and md5 are refused unless a program sets allowWeak\.$/,
  );
  expect(accepts(right(algorithm), true)).toBe(true);
  expect(accepts(wrong(algorithm), true)).toBe(false);
  expect(accepts(`${right(algorithm)} ${wrong('sha256')}`, true)).toBe(false);
});

it.each([
  ['nothing', ''],
  ['an algorithm that nobody knows', 'sha3-AAAA'],
  ['no digest', 'sha256-'],
  ['a digest that is too short', 'sha256-AAAA'],
  ['a digest of another algorithm', right('sha512').replace('sha512', 'sha256')],
  ['padding that does not fit', right('sha256').replace('=', '==')],
  ['hexadecimal digits', hex('sha256')],
])('refuses %s, of which nothing can be checked [K34]', (_, text) => {
  expect(() => parseIntegrity(text)).toThrow(/^integrity (must have a digest|has )/);
});

const expression = fc
  .record({
    algorithm: fc.constantFrom(...ALGORITHMS),
    isRight: fc.boolean(),
    option: fc.constantFrom('', '?a', '?b=c'),
  })
  .map(({ algorithm, isRight, option }) => (isRight ? right : wrong)(algorithm) + option);

it('agrees with ssri on any list of digests [K34]', () => {
  fc.assert(
    fc.property(
      fc.array(expression, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(' ', '\n'),
      (list, space) => {
        const text = list.join(space);
        expect(accepts(text, true)).toBe(ssri.checkData(CONTENT, text) !== false);
      },
    ),
  );
});
