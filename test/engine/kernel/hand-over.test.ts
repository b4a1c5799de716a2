import { copyFileSync } from 'node:fs';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { TOKENS_PER_TENURE } from '../../../src/engine/kernel/token.ts';
import { requestFor } from '../harness.ts';
import { acquire, countersOf, newPath } from './counters.ts';

/** Hands the lock on within the thread so many times; returns the last one's grant. */
function handOn(first: Grant, path: string, times: number): Grant {
  let grant = first;
  for (let turn = 0; turn < times; turn++) {
    const next = grant.passTo(requestFor(path));
    if (next === undefined) throw new Error('The lock was not handed on');
    grant = next;
  }
  onTestFinished(() => grant.release());
  return grant;
}

/** The token of whoever comes after a crash at this moment, which leaves the file as it is and nobody's lock on it. */
function tokenAfterCrash(path: string): number {
  const left = newPath();
  copyFileSync(path, left);
  const grant = acquire(left);
  expect(grant.recovered?.pid).toBe(process.pid);
  return grant.token() as number;
}

describe('a lock that is handed on within its thread, which dies then,', () => {
  beforeEach(() => {
    // The time stands still, so that no record is written for being old.
    const clock = vi.spyOn(Date, 'now').mockReturnValue(1_795_000_000_000);
    onTestFinished(() => clock.mockRestore());
  });

  it.each([1, TOKENS_PER_TENURE, TOKENS_PER_TENURE + 1, 2 * TOKENS_PER_TENURE + 1])(
    'repeats no token, after %i times [X56, R10]',
    (times) => {
      const path = newPath();
      const last = handOn(acquire(path), path, times);

      const next = tokenAfterCrash(path);

      expect(next).toBeGreaterThan(last.token() as number);
    },
  );

  it('repeats no token either where one was shown before [X56, R10]', () => {
    const path = newPath();
    const first = acquire(path);
    const shown = first.token() as number;
    const last = handOn(first, path, 10);

    const next = tokenAfterCrash(path);

    expect(last.token()).toBe(shown + 10);
    expect(next).toBeGreaterThan(shown + 10);
  });

  it('repeats no token either where it ran a command, whose record takes back no reserved token [X56, R10]', () => {
    const path = newPath();
    const first = handOn(acquire(path), path, 2);
    const reserved = countersOf(path);
    first.recordChild({ pid: 4711 });
    expect(countersOf(path)).toEqual(reserved);
    const last = handOn(first, path, 10);

    const next = tokenAfterCrash(path);

    expect(next).toBeGreaterThan(last.token() as number);
  });
});
