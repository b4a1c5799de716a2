import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { isTransient, outlastTransient } from '../../src/storage/transient/index.ts';
import { TRANSIENT as POSIX } from '../../src/storage/transient/posix.ts';
import { TRANSIENT as WINDOWS } from '../../src/storage/transient/windows.ts';
import { StoppedClock } from '../support/clock.ts';

/** A call that fails so often with a code. */
function failing(code: string, times: number) {
  const calls = { count: 0 };
  const call = () => {
    if (++calls.count <= times) throw Object.assign(new Error(code), { code });
    return 'done';
  };
  return { calls, call };
}

describe('a call to the file system', () => {
  it('is tried again after an error that passes, with pauses that grow [G7]', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { calls, call } = failing('EBUSY', 2);
    const outcome = outlastTransient(call);
    expect(calls.count).toBe(1);
    await vi.advanceTimersByTimeAsync(9);
    expect(calls.count).toBe(1);
    await vi.advanceTimersByTimeAsync(11);
    expect(calls.count).toBe(2);
    await vi.advanceTimersByTimeAsync(9); // the first pause may have been shorter by so much
    expect(calls.count).toBe(2);
    await vi.advanceTimersByTimeAsync(31);
    expect(await outcome).toBe('done');
  });

  it('is tried so often and no more, and then throws what it threw last [G7, G16]', async () => {
    const clock = new StoppedClock();
    const { calls, call } = failing('EBUSY', 9);
    const outcome = outlastTransient(call, 3);
    outcome.catch(() => {});
    for (let pause = 0; pause < 5; pause++) await clock.elapse(100);
    await expect(outcome).rejects.toMatchObject({ code: 'EBUSY' });
    expect(calls.count).toBe(3);
  });

  it.each(['ENOSPC', 'EIO', 'ENOENT', 'EROFS'])('is not tried again after %s [G7]', async (code) => {
    const { calls, call } = failing(code, 1);
    await expect(outlastTransient(call)).rejects.toMatchObject({ code });
    expect(calls.count).toBe(1);
  });
});

it('what passes is named for each platform [G7]', () => {
  expect(POSIX).not.toContain('EPERM');
  expect(POSIX).not.toContain('EACCES');
  expect(WINDOWS).toEqual(expect.arrayContaining(['EPERM', 'EACCES', 'EBUSY']));
  expect(isTransient(new Error('no code'))).toBe(false);
});
