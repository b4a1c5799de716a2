import { promises } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { outlastUseSync, replaceOnWindows } from '../../src/storage/replace/windows.ts';

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

  it.each(PASSING)('is made again, a rename that waits for no thread, after %s [G7]', async (code) => {
    vi.useFakeTimers();
    const rename = vi.spyOn(promises, 'rename');
    for (let refused = 0; refused < 5; refused++) rename.mockRejectedValueOnce(failure(code));
    rename.mockResolvedValueOnce(undefined);

    const replaced = replaceOnWindows('from', 'to');
    await vi.runAllTimersAsync();
    await replaced;

    expect(rename.mock.calls).toEqual(Array.from({ length: 6 }, () => ['from', 'to']));
  });

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
