import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { within } from './deadline.ts';
import { type Ending, Program, type ProgramOptions } from './program.mjs';

export { asUser, fixture } from './program.mjs';
export type { Ending };

export interface ChildOptions extends ProgramOptions {
  /** `own`: the caller sees to its end. Default: it is killed when the test is over. */
  readonly lifetime?: 'test' | 'own';
}

/** A program of the running test. Whatever is awaited of it has a deadline, and fails when it ends without that. */
export class Child extends Program {
  readonly #name: string;

  constructor(command: string, args: readonly string[] = [], options: ChildOptions = {}) {
    const { lifetime = 'test', ...rest } = options;
    super(command, args, rest);
    this.#name = [command, ...args].join(' ').slice(0, 200);
    if (lifetime === 'test') onTestFinished(() => this.end());
  }

  override line(start: string): Promise<string> {
    return within(super.line(start), `waiting for the line "${start}" of ${this.#name}`);
  }

  /** The match, once its output as a whole has it. */
  says(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    const said = new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(this[stream]);
        if (match !== null) resolve(match);
      };
      this.process[stream]?.on('data', look);
      void this.ended.then(() => reject(this.endedWithout(String(pattern))), reject);
      look();
    });
    return within(said, `waiting for ${pattern} of ${this.#name}`);
  }

  /** Its ending, which it comes to by itself. */
  exits(): Promise<Ending> {
    return within(this.ended, `waiting for the end of ${this.#name}`);
  }

  /** Its ending after the end of its input, at which well-behaved programs end. */
  finish(lastInput = ''): Promise<Ending> {
    this.closeInput(lastInput);
    return this.exits();
  }

  closeInput(lastInput = ''): void {
    this.process.stdin?.end(lastInput);
  }

  /** Its ending after a signal. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Ending> {
    this.signal(signal);
    return this.exits();
  }

  /** Kills the process; resolves when it is gone, though what it started may live on and have its output open. */
  async killAlone(): Promise<void> {
    this.signal('SIGKILL');
    await within(this.exited, `waiting for the death of ${this.#name}`);
  }

  /** Ends it, whatever it does, and what it started and is still below it. */
  async end(): Promise<void> {
    const below = this.isRunning ? descendantsOf(this.pid) : [];
    this.closeInput();
    await this.killAlone();
    for (const pid of below) killQuietly(pid);
  }
}

/** As Linux lists them; none elsewhere. */
function descendantsOf(pid: number): number[] {
  const children = childrenOf(pid);
  return [...children, ...children.flatMap(descendantsOf)];
}

function childrenOf(pid: number): number[] {
  try {
    const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1');
    return listed.split(' ').filter(Boolean).map(Number);
  } catch {
    return []; // it has just ended
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended with its parent.
  }
}
