import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { type StopOptions, stop } from '../../src/once/command/stop.ts';
import type { Task } from '../../src/once/current.ts';
import type { UnderWay } from '../once/under-way.ts';
import { Child, fixture } from '../support/child.ts';
import { tool } from '../support/tool.ts';

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

/** A command that no signal ends while the test lasts: it waits for a drive that does not answer. */
export async function stuckCommand(directory: string): Promise<Child> {
  const point = join(directory, 'drive');
  mkdirSync(point);
  onTestFinished(() => void tool('umount', ['--lazy', point]));
  const drive = new Child('python3', [fixture('fuse-hanging.py'), point]);
  await drive.line('mounted');
  const command = new Child('cat', [join(point, 'file')], { detached: true, lifetime: 'own' }); // ends with the drive
  await drive.line('asked');
  return command;
}

/** What `--stop` does to a run. */
export function stopOf({ place, store }: UnderWay, options: StopOptions = {}): Promise<boolean> {
  const stopping = stop({ id: 'build', place, store }, options);
  stopping.catch(() => {});
  return stopping;
}

/** The command of a run: the process that the run has on record. */
export function commandOf(child: NonNullable<Task['child']>): { readonly task: Task } {
  return { task: { command: ['sleep', '1000'], digest: '0'.repeat(32), cwd: '/', environment: {}, child } };
}

/** The monotonic clock stands still until the test is over, and jumps ahead when it is told. */
export function stoppedClock(): { readonly jump: (ms: number) => void } {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  return { jump: (ms) => void vi.advanceTimersByTime(ms) };
}
