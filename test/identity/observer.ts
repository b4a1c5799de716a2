import type { HolderRecord } from '../../src/identity/holder.ts';
import type { Drive, Liveness } from '../../src/identity/index.ts';
import { Child, fixture } from '../support/child.ts';

type Process = HolderRecord & { readonly pid: number };

/** Another process, in surroundings of its own, that is asked what it knows of itself and of others. */
export class Observer {
  readonly child: Child;

  private constructor(child: Child) {
    this.child = child;
  }

  /** `through`: a program with its arguments that runs the process, such as `['setpriv', '--reuid=65534']`. */
  static async start(...through: string[]): Promise<Observer> {
    const [command = process.execPath, ...args] = [
      ...through,
      process.execPath,
      fixture('identity-observer.mjs'),
    ];
    const observer = new Observer(new Child(command, args));
    await observer.child.line('ready');
    return observer;
  }

  self(): Promise<Process> {
    return this.#ask({});
  }

  verdictOn(record: HolderRecord, drive?: Drive): Promise<Liveness> {
    return this.#ask({ record, drive });
  }

  /** Starts a process there, under the id `pid` if it is given. */
  spawn(pid = 0): Promise<Process> {
    return this.#ask({ spawn: pid });
  }

  /** The command of a process, as far as it can be told there; null when it cannot. */
  relativesOf(pid: number): Promise<{ readonly ids: readonly number[]; readonly parent: number | null }> {
    return this.#ask({ relatives: pid });
  }

  commandOf(pid: number): Promise<string | null> {
    return this.#ask({ commandOf: pid });
  }

  /** Kills a process that was started there; its id is free then. */
  end(pid: number): Promise<void> {
    return this.#ask({ end: pid });
  }

  async #ask<T>(question: object): Promise<T> {
    this.child.forget();
    this.child.say(JSON.stringify(question));
    return JSON.parse(await this.child.line('{"answer"')).answer as T;
  }
}
