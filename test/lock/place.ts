import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type LockEventName, type LockEvents, LockManager, type ManagerOptions, onLockEvent } from 'holdfast';
import { onTestFinished } from 'vitest';
import type { Agent } from '../support/agent.ts';
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

/** The reason for which a lock's signal aborts, or has aborted. */
export function lossOf(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });
}

/** Lets the event loop turn many times: what this thread could do at once is done then. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
}

/** Whether a promise of this thread's own stays open although the event loop turns many times. */
export async function staysOpen(promise: Promise<unknown>): Promise<boolean> {
  let open = true;
  const close = () => {
    open = false;
  };
  promise.then(close, close);
  await turns();
  return open;
}

/** Whether the wait of an agent stays open although its event loop turns many times. */
export function stillWaits(agent: Agent): Promise<boolean> {
  return agent.run(async ({ waits, timers }) => {
    let open = true;
    const close = () => {
      open = false;
    };
    waits.lock?.then(close, close);
    for (let turn = 0; turn < 20; turn++) await timers.setImmediate();
    return open;
  });
}
