import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type LockEventName, type LockEvents, LockManager, type ManagerOptions, onLockEvent } from 'holdfast';
import { onTestFinished } from 'vitest';
import { tempDirectory } from '../support/temp.ts';

export interface Place {
  /** What agents get as their home, so that their locks are the same as those of `locks`. */
  readonly home: string;
  readonly locks: LockManager;
}

/** A manager in a place of the running test's own. */
export function newPlace(options: ManagerOptions = {}): Place {
  const home = tempDirectory();
  return { home, locks: new LockManager({ directory: join(home, 'locks'), ...options }) };
}

export function newLocks(options: ManagerOptions = {}): LockManager {
  return newPlace(options).locks;
}

/** What is told of one kind of event from here to the end of the test. */
export function heard<N extends LockEventName>(name: N): LockEvents[N][] {
  const events: LockEvents[N][] = [];
  onTestFinished(onLockEvent(name, (event) => events.push(event)));
  return events;
}

/** Resolves at the next event of this kind. */
export function next<N extends LockEventName>(name: N): Promise<LockEvents[N]> {
  return new Promise((resolve) => {
    const stop = onLockEvent(name, (event) => {
      stop();
      resolve(event);
    });
    onTestFinished(stop);
  });
}

/** The promise, when the event loop turns many times, is still open. */
export async function staysOpen(promise: Promise<unknown>): Promise<boolean> {
  let open = true;
  const close = () => {
    open = false;
  };
  promise.then(close, close);
  for (let turn = 0; turn < 20; turn++) await setImmediate();
  return open;
}
