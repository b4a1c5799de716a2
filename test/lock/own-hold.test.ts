import type { AcquireOptions, Lock, LockManager } from 'holdfast';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newLocks } from '../support/place.ts';

const NEXT =
  'Release it where it was acquired, which HOLDFAST_TRACE=1 tells, or wait longer (timeout). Lock: ';

function keepStacks(value: string): void {
  const before = process.env.HOLDFAST_TRACE;
  process.env.HOLDFAST_TRACE = value;
  onTestFinished(() => {
    if (before === undefined) delete process.env.HOLDFAST_TRACE;
    else process.env.HOLDFAST_TRACE = before;
  });
}

function nightlySave(locks: LockManager, options: AcquireOptions = {}): Promise<Lock> {
  return locks.acquire('mirror', { purpose: 'nightly save', ...options });
}

async function messageOf(asked: Promise<unknown>): Promise<string> {
  const error: Error = await asked.then(
    () => expect.fail('It was granted.'),
    (error) => error,
  );
  return error.message;
}

describe('the message of a lock that this very process holds', () => {
  it.each([0, 10])('says so, and never to wait for its own end [X30] (timeout %d)', async (timeout) => {
    const locks = newLocks();
    await using lock = await nightlySave(locks);

    const message = await messageOf(locks.acquire('mirror', { timeout }));

    expect(message).toContain(`mirror is held by this process: "nightly save" (pid ${process.pid}, `);
    expect(message).toContain(NEXT + lock.path);
    expect(message).not.toMatch(/holdfast (wait|who|break)/);
  });

  it('says so where its record is hidden [X30]', async () => {
    const locks = newLocks({ record: 'anonymous' });
    await using lock = await nightlySave(locks);

    const message = await messageOf(locks.acquire('mirror', { timeout: 0 }));

    expect(message).toBe(`mirror is held by this process. ${NEXT}${lock.path}`);
  });

  it('says where it was acquired when that is asked for, be it granted at once or after a wait [X30]', async () => {
    keepStacks('1');
    const locks = newLocks();
    const before = await locks.acquire('mirror');
    const waiting = nightlySave(locks);
    await before.release();
    await using _ = await waiting;
    const AT =
      /\. It was acquired here:\n {4}at LockManager\.acquire .*\n {4}at nightlySave \(.*own-hold\.test/;

    expect(await messageOf(locks.acquire('mirror', { timeout: 0 }))).toMatch(AT);
    expect(await messageOf(locks.acquire('mirror', { timeout: 10 }))).toMatch(AT);
    expect(() => locks.acquireSync('mirror')).toThrow(AT);
  });

  it('says where the enclosing with acquired it when that is asked for [X30]', async () => {
    keepStacks('1');
    const locks = newLocks();

    await locks.with('mirror', async () => {
      expect(await messageOf(nightlySave(locks))).toMatch(
        /acquired here:\n.*acquire .*\n.*LockManager\.with /,
      );
    });
  });

  it('does not name an upgrader as what is in its own way [X30]', async () => {
    const locks = newLocks();
    await using reader = await locks.acquire('mirror', { mode: 'shared', purpose: 'upgrader' });
    await using _ = await locks.acquire('mirror', { mode: 'shared', purpose: 'neighbour' });

    const message = await messageOf(reader.upgrade({ timeout: 10 }));

    expect(message).toMatch(/^mirror is held by this process: "(neighbour|upgrader)" \([^()]*\); waited/);
    expect(message).not.toContain('and 1 other');
  });

  it('refuses a word that turns the stacks neither on nor off [X30]', () => {
    keepStacks('yes');

    expect(() => newLocks()).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/HOLDFAST_TRACE must be 1 or 0, got "?.?yes/),
      }),
    );
  });
});
