import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { LockInfo } from '../../src/lock/query.ts';
import type { Child } from '../support/child.ts';
import { Latch } from '../support/latch.ts';
import { until } from '../support/until.ts';
import { Cli, main } from './cli.ts';

export const holdfast = `"${process.execPath}" "${main}"`;

/** What works under the lock until it is let go, and says that it began. */
export const WORK = `'echo working; : <"$HOLDFAST_HOME/go"; echo done'`;

/** Sleeps until `begin`. */
export const LATER = `: <"$HOLDFAST_HOME/begin"`;

/** Runs inside of each other. Whatever they started goes on at the end of the test, and ends. */
export class Nest {
  readonly cli = new Cli();
  readonly #go = this.#latch('go');
  readonly #begin = this.#latch('begin');

  #latch(name: string): Latch {
    const latch = new Latch(join(this.cli.home, name));
    onTestFinished(() => latch.open());
    return latch;
  }

  /** A run whose command starts another one in the background, and ends when its input does. */
  outer(options: string, inner: string, env: NodeJS.ProcessEnv = {}): Child {
    const script = `${inner} & cat`;
    return this.cli.start(['run', ...options.split(' '), '--', 'sh', '-c', script], { env });
  }

  who(): Promise<LockInfo> {
    return this.cli.json(['who', '--json', 'j']) as Promise<LockInfo>;
  }

  async isBusy(...options: string[]): Promise<void> {
    const words = ['run', '-n', ...options, 'j', '--', 'echo', 'SECOND'];
    const { code, stdout, stderr } = await this.cli.run(words);
    expect({ code, stdout }).toEqual({ code: 75, stdout: '' });
    expect(stderr).toContain('j is held by ');
  }

  /** Has those begin who are to come later. */
  begin(): void {
    this.#begin.open();
  }

  /** Lets the work end. */
  go(): void {
    this.#go.open();
  }

  /** The same; the next one then gets the lock. */
  async letGo(): Promise<void> {
    const next = this.cli.start(['run', 'j', '--', 'echo', 'next']);
    await this.waits(1);
    this.go();
    expect((await next.exits()).stdout).toBe('next\n');
  }

  async waits(many: number): Promise<void> {
    await until(async () => (await this.who()).waiters.length === many, `${many} wait`);
  }
}
