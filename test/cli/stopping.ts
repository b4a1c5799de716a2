import { onTestFinished, vi } from 'vitest';
import { stop } from '../../src/cli/once/stop.ts';
import type { Task } from '../../src/once/current.ts';
import type { UnderWay } from '../once/under-way.ts';
import { Child } from '../support/child.ts';

/** Whoever has a process id by now that a record names. It leads a group, and says what it is told until a signal ends it. */
export class Bystander {
  readonly #process = new Child('cat', [], { detached: true });
  readonly pid = this.#process.pid;
  /** Resolves when a signal has ended it. */
  readonly hit = this.#process.exited;

  /** Signals that were sent before have had their effect by the time of the answer. */
  async isUntouched(): Promise<boolean> {
    const answer = this.#process.line('here');
    this.#process.say('here');
    return answer.then(
      () => true,
      () => false,
    );
  }
}

/** What `--stop` does to a run. */
export function stopOf({ place, store }: UnderWay, flags: { readonly yes?: true } = {}): Promise<boolean> {
  const stopping = stop({ id: 'build', place, store }, flags);
  stopping.catch(() => {});
  return stopping;
}

/** The command of a run: the process that the run has on record. */
export function commandOf(child: NonNullable<Task['child']>): { readonly task: Task } {
  return { task: { command: ['sleep', '1000'], cwd: '/', environment: {}, child } };
}

/** The monotonic clock stands still until the test is over, and jumps ahead when it is told. */
export function stoppedClock(): { readonly jump: (ms: number) => void } {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  return { jump: (ms) => void vi.advanceTimersByTime(ms) };
}
