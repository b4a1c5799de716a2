import { hostname } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clock, duration, holder, holders, printable, shown } from '../../src/errors/describe.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not come out
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

describe('a span of time', () => {
  it('reads as a person would say it, at the largest unit that matters [R82]', () => {
    const second = 1000;
    const minute = 60 * second;
    const hour = 60 * minute;
    const expected: readonly (readonly [number, string])[] = [
      [-5, '0ms'],
      [0, '0ms'],
      [0.4, '0ms'],
      [12, '12ms'],
      [999.4, '999ms'],
      [1_000, '1.0s'],
      [5_049, '5.0s'],
      [59_999, '59.9s'],
      [minute, '1m 0s'],
      [86 * second, '1m 26s'],
      [hour - 1, '59m 59s'],
      [3 * hour + 4 * minute, '3h 4m'],
      [24 * hour - 1, '23h 59m'],
      [53 * hour, '2d 5h'],
    ];
    for (const [ms, text] of expected) expect(duration(ms)).toBe(text);
  });

  it('never reads as sixty seconds or a thousand milliseconds [R82]', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e10, noNaN: true }), (ms) => {
        expect(duration(ms)).not.toMatch(/\b(1000ms|60\.0s|60s|60m|24h)\b/);
      }),
    );
  });
});

it('shows the time of day, with the date when it was another day [R82]', () => {
  const now = new Date(2026, 10, 20, 15, 0, 0);
  expect(clock(new Date(2026, 10, 20, 14, 2, 1), now)).toBe('14:02:01');
  expect(clock(new Date(2026, 10, 19, 14, 2, 11), now)).toBe('2026-11-19 14:02:11');
  expect(clock(new Date(2025, 10, 20, 14, 2, 11), now)).toBe('2025-11-20 14:02:11');
  expect(clock(new Date('later'), now)).toBe('?');
});

it('shows a name that no person gave by its two ends [R82, X46]', () => {
  expect(shown('a\n'.repeat(2000))).toBe('a\\u000a'.repeat(2000));
  expect(shown(`start${'.'.repeat(99_990)}\nend`)).toMatch(
    /^start\.{95}….{96}\\u000aend \(99999 characters\)$/,
  );
});

describe('a holder in words', () => {
  const since = new Date(2026, 10, 20, 14, 2, 11);
  const now = new Date(since.getTime() + 86_000);

  it('is its purpose, else its command, and the facts that help to find it [G14, A4]', () => {
    const record = { pid: 4711, user: 'deploy', command: 'aba mirror', since: since.toISOString() };
    expect(holder({ ...record, purpose: 'aba mirror save' }, now)).toBe(
      '"aba mirror save" (pid 4711, user deploy, since 14:02:11, 1m 26s)',
    );
    expect(holder(record, now)).toContain('"aba mirror" (pid 4711');
    expect(holder({}, now)).toBe('a process');
    expect(holder({ pid: 1, foreign: true }, now)).toBe('a process (pid 1, not a Holdfast program)');
    expect(holder({ pid: 1, child: { pid: 2 }, thread: 3 }, now)).toBe(
      'a process (pid 1, command pid 2, thread 3)',
    );
  });

  it('names the host only when it is another one [R82]', () => {
    expect(holder({ pid: 1, host: hostname() }, now)).not.toContain('host');
    expect(holder({ pid: 1, host: 'elsewhere' }, now)).toContain('host elsewhere');
  });

  it('is the first of several, and how many more there are [G14]', () => {
    expect(holders([])).toBe('a process that left no record');
    expect(holders([{ pid: 1 }, { pid: 2 }])).toBe('a process (pid 1) and 1 other');
    expect(holders([{ pid: 1 }, { pid: 2 }, { pid: 3 }])).toBe('a process (pid 1) and 2 others');
  });

  it('is printable whatever the record says [R66]', () => {
    const text = fc.string({ unit: 'binary', maxLength: 30 });
    const record = fc.record(
      { user: text, host: text, command: text, purpose: text, since: text },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(record, (facts) => {
        expect(holder(facts, now)).not.toMatch(unprintable);
      }),
    );
  });
});

it('shows control characters instead of sending them, and leaves everything else as it is [R66]', () => {
  expect(printable('a\u001b[2Jb\n\u202e\u009b')).toBe('a\\u001b[2Jb\\u000a\\u202e\\u009b');
  expect(printable('é 🔒 "x" \\')).toBe('é 🔒 "x" \\');
});
