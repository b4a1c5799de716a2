import { expect, it } from 'vitest';
import { judge } from '../../src/download/answer.ts';
import { QuickClock } from './downloading.ts';

const FAR = 5 * 1024 ** 3;

it('goes on far behind the first four gibibytes [K9, K35]', () => {
  const asked = {
    offset: FAR,
    known: { validators: { etag: '"one"' }, total: FAR + 10 },
    conditions: {},
  };
  const headers = {
    'content-range': `bytes ${FAR}-${FAR + 9}/${FAR + 10}`,
    'content-length': '10',
    etag: '"one"',
  };
  expect(judge(asked, 206, headers, new QuickClock())).toEqual({ to: 'append', total: FAR + 10, length: 10 });
  const end = { 'content-range': `bytes */${FAR}` };
  const whole = { ...asked, known: { validators: {} } };
  expect(judge(whole, 416, end, new QuickClock())).toEqual({ to: 'take what is there' });
});

it('believes no header that is there twice with different values [K8, K9]', () => {
  const asked = { offset: 5, known: { validators: {} }, conditions: {} };
  const headers = { 'content-range': ['bytes 5-9/10', 'bytes 4-9/10'] };
  expect(judge(asked, 206, headers, new QuickClock())).toMatchObject({ to: 'ask for the whole' });
  const same = { 'content-range': ['bytes 5-9/10', 'bytes 5-9/10'] };
  expect(judge(asked, 206, same, new QuickClock())).toMatchObject({ to: 'append', length: 5 });
});

it.each<[string, number | undefined, string]>([
  ['ends behind the end that was told before', 10, 'bytes 5-14/*'],
  ['is of a whole that nobody has told the length of', undefined, 'bytes 5-9/*'],
])('appends no part that %s [K7, K8, K9]', (_what, total, range) => {
  const asked = { offset: 5, known: { validators: {}, total }, conditions: {} };
  const headers = { 'content-range': range };
  expect(judge(asked, 206, headers, new QuickClock())).toMatchObject({ to: 'ask for the whole' });
});

it('says in words how long a server wants no request, however long that is [K16]', () => {
  const asked = { offset: 0, known: { validators: {} }, conditions: {} };
  const refused = () => judge(asked, 503, { 'retry-after': '9'.repeat(400) }, new QuickClock());
  expect(refused).toThrow(
    expect.objectContaining({
      facts: expect.objectContaining({ next: expect.stringContaining('more than a year') }),
    }),
  );
});
