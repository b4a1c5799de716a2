import { type LockEvent, type LockEventName, type LockEvents, onLockEvent } from 'holdfast';
import { onTestFinished } from 'vitest';
import { eventNames } from '../../src/events/channel.ts';
import { within } from './deadline.ts';

export interface Recorded extends LockEvent {
  readonly name: LockEventName;
}

/** Every event of this thread from now on until the test is over. */
export class Recorder {
  readonly events: Recorded[] = [];

  constructor() {
    for (const name of eventNames) {
      onTestFinished(onLockEvent(name, (event) => this.events.push({ ...event, name })));
    }
  }

  get names(): LockEventName[] {
    return this.events.map(({ name }) => name);
  }

  one<N extends LockEventName>(name: N): LockEvents[N] {
    const found = this.events.filter((event) => event.name === name);
    if (found.length !== 1) throw new Error(`${found.length} events "${name}" instead of one`);
    return found[0] as unknown as LockEvents[N];
  }
}

/** What is told of one kind of event from here to the end of the test. */
export function heard<N extends LockEventName>(name: N): LockEvents[N][] {
  const events: LockEvents[N][] = [];
  onTestFinished(onLockEvent(name, (event) => events.push(event)));
  return events;
}

/** Resolves at the next event of this kind. */
export function next<N extends LockEventName>(name: N): Promise<LockEvents[N]> {
  const told = new Promise<LockEvents[N]>((resolve) => onTestFinished(onLockEvent(name, resolve)));
  return within(told, `waiting for the event "${name}"`);
}

/** The reason for which a lock's signal aborts, or has aborted. */
export function lossOf(signal: AbortSignal): Promise<unknown> {
  const lost = new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });
  return within(lost, 'waiting for the loss of a lock');
}
