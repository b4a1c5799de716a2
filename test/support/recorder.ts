import { type LockEvent, type LockEventName, type LockEvents, onLockEvent } from 'holdfast';
import { onTestFinished } from 'vitest';

const names: readonly LockEventName[] = [
  'requested',
  'waiting',
  'granted',
  'released',
  'timed-out',
  'aborted',
  'lost',
  'recovered',
  'degraded',
  'leaked',
  'exited',
];

export interface Recorded extends LockEvent {
  readonly name: LockEventName;
}

/** Every event of this thread from now on until the test is over. */
export class Recorder {
  readonly events: Recorded[] = [];

  constructor() {
    const stops = names.map((name) =>
      onLockEvent(name, (event) => void this.events.push({ ...event, name })),
    );
    onTestFinished(() => {
      for (const stop of stops) stop();
    });
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
