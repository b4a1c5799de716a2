import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Contract, Engine, Grant, LockRequest, Mode, Waiting } from '../../src/engine/engine.ts';
import { within } from '../support/deadline.ts';
import { looksTaken } from '../support/looks.ts';
import { tempDirectory } from '../support/temp.ts';
import { passTime } from '../support/time.mjs';
import { LONG, staysOpen } from '../support/turns.ts';
import type { EngineSource } from './peer.ts';

/** What decides: an engine, or the choice among them. */
export type Decider = Omit<Engine, 'contract' | 'leftovers'>;

/** One engine as the conformance suite runs it. */
export interface EngineHarness {
  readonly engine: Decider;
  /** What its grants are worth. */
  readonly contract: Contract;
  /** How other processes get at it; undefined for an engine that reaches no further than its process. */
  readonly elsewhere: EngineSource | undefined;
  /** Where its locks lie; asked for in each test. Default: the system's directory for temporary files. */
  readonly directory?: () => string;
}

export interface UnusedLock {
  readonly home: string;
  readonly request: (mode?: Mode) => LockRequest;
}

/** A lock nobody has used, in a new directory below this one. */
export function unusedLock(parent?: string): UnusedLock {
  const home = tempDirectory(parent);
  const path = join(home, 'mirror.lock');
  return { home, request: (mode = 'exclusive') => requestFor(path, mode) };
}

export function requestFor(path: string, mode: Mode = 'exclusive'): LockRequest {
  const names = { path, resource: 'mirror', cliName: 'mirror' };
  const nothing = { beside: undefined, purpose: undefined, permits: undefined, pollInterval: undefined };
  return { ...names, ...nothing, mode, access: 'owner', anonymous: false };
}

export interface StartedWait {
  readonly granted: Promise<Grant>;
  readonly waiting: Waiting;
  /** Whether it has come to an end. */
  readonly isOver: () => boolean;
}

/** Gives a wait every chance to be granted against the rules: it looks at the lock again and again, and gets nothing. */
export async function expectStillWaiting({ granted }: StartedWait): Promise<void> {
  const before = looksTaken();
  expect(await staysOpen(granted)).toBe(true);
  expect(looksTaken() - before, 'looks at the lock').toBeGreaterThanOrEqual(2);
}

/** Nothing comes of a wait that was cancelled, whatever happens in a long time. */
export async function expectNoGrant({ granted }: StartedWait): Promise<void> {
  expect(await staysOpen(granted)).toBe(true);
}

export function granted(started: StartedWait): Promise<Grant> {
  return within(started.granted, 'waiting for a grant');
}

/** An upgrade, and what became of it. `outcome` tells when a long time has passed. */
export function upgrading(grant: Grant) {
  let outcome: unknown = 'waiting';
  let waiting: Waiting | undefined;
  const ended = new Promise<unknown>((resolve) => {
    waiting = grant.upgrade({
      degraded: () => {},
      converted: () => resolve('converted'),
      lost: () => resolve('lost'),
      failed: resolve,
    });
  });
  void ended.then((result) => {
    outcome = result;
  });
  const late = () => passTime(LONG).then(() => outcome);
  return { ended: () => within(ended, 'an upgrade'), outcome: late, cancel: () => waiting?.cancel() };
}

/** The engine's calls as tests want them: what they start is ended with the test. */
export function contender(engine: Decider) {
  async function acquire(request: LockRequest): Promise<Grant> {
    const grant = await engine.tryAcquire(request);
    if (grant === undefined) throw new Error(`${request.path} is held by somebody else`);
    onTestFinished(() => grant.release());
    return grant;
  }

  async function isFree(request: LockRequest): Promise<boolean> {
    const grant = await engine.tryAcquire(request);
    await grant?.release();
    return grant !== undefined;
  }

  function wait(request: LockRequest): StartedWait {
    let over = false;
    let waiting: Waiting | undefined;
    const granted = new Promise<Grant>((resolve, reject) => {
      waiting = engine.wait(request, {
        granted: resolve,
        failed: reject,
        moved: () => {},
        degraded: () => {},
      });
    }).finally(() => {
      over = true;
    });
    onTestFinished(() => waiting?.cancel());
    granted.then((grant) => onTestFinished(() => grant.release())).catch(() => {});
    return { granted, waiting: waiting as Waiting, isOver: () => over };
  }

  return { acquire, isFree, wait };
}
