import { chmodSync, mkdirSync, promises, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { makeWritable, outlastUseSync, replaceOnWindows } from '../../src/storage/replace/windows.ts';
import { tempDirectory } from '../support/temp.ts';

const PASSING = ['EPERM', 'EACCES', 'EBUSY'];
const failure = (code: string) => Object.assign(new Error(`${code}: injected`), { code });

/** Has the thread sleep no longer than an instant; the pauses that were asked for, in milliseconds. */
function pausesAskedFor(): number[] {
  const pauses: number[] = [];
  vi.spyOn(Atomics, 'wait').mockImplementation((_array, _index, _value, ms) => {
    pauses.push(ms ?? 0);
    return 'timed-out';
  });
  return pauses;
}

/** What passes between the tries of a rename that is refused ten times, in milliseconds by the clock of the test. */
async function pausesOfRename(code: string): Promise<number[]> {
  vi.useFakeTimers();
  const tries: number[] = [];
  const rename = vi.spyOn(promises, 'rename').mockImplementation(async () => {
    tries.push(performance.now());
    if (tries.length <= 10) throw failure(code);
  });

  const replaced = replaceOnWindows('from', 'to');
  await vi.runAllTimersAsync();
  await replaced;

  for (const call of rename.mock.calls) expect(call).toEqual(['from', 'to']);
  rename.mockRestore();
  return tries.slice(1).map((at, index) => at - (tries[index] as number));
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('a call that Windows refuses because somebody uses the file', () => {
  it.each(PASSING)('is made again after %s, with pauses that grow and differ [G7]', (code) => {
    const pauses = pausesAskedFor();
    let calls = 0;
    const use = () => {
      if (++calls % 6 !== 0) throw failure(code);
      return 'done';
    };

    expect([outlastUseSync(use), outlastUseSync(use)]).toEqual(['done', 'done']);

    expect(calls).toBe(12);
    const [first, second] = [pauses.slice(0, 5), pauses.slice(5)];
    expect(first).toEqual([...first].sort((a, b) => a - b));
    expect(first[4]).toBeGreaterThan(4 * (first[0] as number));
    expect(second).toHaveLength(5);
    expect(second).not.toEqual(first);
  });

  it('fails with what the system says when that lasts for more than a second [G7]', () => {
    const pauses = pausesAskedFor();
    const use = () => {
      throw failure('EBUSY');
    };

    expect(() => outlastUseSync(use)).toThrow('EBUSY');

    expect(pauses.reduce((sum, ms) => sum + ms)).toBeGreaterThan(1_000);
  });

  it.each(['ENOENT', 'ENOSPC', 'EXDEV', 'ENOTEMPTY'])(
    'is made once when it fails with %s [G7]',
    async (code) => {
      const pauses = pausesAskedFor();
      const use = vi.fn(() => {
        throw failure(code);
      });
      const rename = vi.spyOn(promises, 'rename').mockRejectedValue(failure(code));

      expect(() => outlastUseSync(use)).toThrow(code);
      await expect(replaceOnWindows('a', 'b')).rejects.toThrow(code);

      expect([use.mock.calls.length, rename.mock.calls.length, pauses.length]).toEqual([1, 1, 0]);
    },
  );

  it.each(PASSING)(
    'is made again, a rename that waits for no thread, after %s, with pauses that grow and differ [G7]',
    async (code) => {
      const first = await pausesOfRename(code);
      const second = await pausesOfRename(code);

      expect(first).toHaveLength(10);
      expect(first).toEqual([...first].sort((a, b) => a - b));
      expect(first[9]).toBeGreaterThan(100 * (first[0] as number));
      expect(second).toHaveLength(10);
      expect(second).not.toEqual(first);
    },
  );

  it('fails as the last rename did when none succeeds [G7]', async () => {
    vi.useFakeTimers();
    const rename = vi.spyOn(promises, 'rename').mockRejectedValue(failure('EACCES'));

    const replaced = expect(replaceOnWindows('from', 'to')).rejects.toThrow('EACCES');
    const started = performance.now();
    await vi.runAllTimersAsync();
    await replaced;

    expect(rename.mock.calls.length).toBeGreaterThan(5);
    expect(performance.now() - started).toBeGreaterThan(1_000); // by the clock of the test, which nobody waits for
  });
});

it('on Windows, a file is made writable before it is replaced, and nothing else is touched [G6]', () => {
  const home = tempDirectory();
  const [readOnly, open, link, directory] = ['read-only', 'open', 'link', 'directory'].map((name) =>
    join(home, name),
  ) as [string, string, string, string];
  const modeOf = (path: string) => statSync(path).mode & 0o777;
  for (const path of [readOnly, open]) writeFileSync(path, '');
  chmodSync(readOnly, 0o444);
  chmodSync(open, 0o640);
  symlinkSync(readOnly, link);
  mkdirSync(directory);
  chmodSync(directory, 0o555);

  for (const path of [link, directory, open, join(home, 'nothing')]) makeWritable(path);
  expect([readOnly, open, directory].map(modeOf)).toEqual([0o444, 0o640, 0o555]);
  makeWritable(readOnly);
  expect(modeOf(readOnly)).toBe(0o666);
});
