import { fileURLToPath } from 'node:url';
import { asUser, Child, type ChildOptions, type Ending, fixture } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';

export const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** The command line with a home of its own, which is removed at the end of the test. */
export class Cli {
  readonly home = tempDirectory();
  /** What its environment has that this process's has not; undefined for what is missing there. */
  readonly env: NodeJS.ProcessEnv = {
    ...{ HOLDFAST_HELD: undefined, HOLDFAST_AUDIT: undefined, NO_COLOR: undefined, FORCE_COLOR: undefined },
    HOLDFAST_HOME: this.home,
  };

  /** Any program, in the environment of this command line. */
  program(command: string, args: readonly string[], options: ChildOptions = {}): Child {
    return new Child(command, args, { ...options, env: { ...this.env, ...options.env } });
  }

  start(args: readonly string[], options: ChildOptions = {}): Child {
    return this.program(process.execPath, [main, ...args], options);
  }

  /** On a terminal of its own. What is written is typed there. */
  onTerminal(args: readonly string[], options: ChildOptions = {}): Child {
    return this.program('python3', [fixture('cli-pty.py'), process.execPath, main, ...args], options);
  }

  /** As a user who is not root. */
  asUser(uid: number, args: readonly string[], options: ChildOptions = {}): Child {
    const [setpriv = '', ...through] = asUser(uid);
    return this.program(setpriv, [...through, process.execPath, main, ...args], options);
  }

  /** Runs to the end. */
  run(args: readonly string[], options: ChildOptions = {}): Promise<Ending> {
    return this.start(args, options).finish();
  }

  /** A `holdfast run` that holds its locks until its input is closed; resolves when it holds them. */
  async hold(...args: readonly string[]): Promise<Child> {
    const holder = this.start(['run', ...args, '--', process.execPath, fixture('cli-recorder.mjs')]);
    await holder.says(/ready/);
    return holder;
  }

  async json(args: readonly string[]): Promise<unknown> {
    return JSON.parse((await this.run(args)).stdout);
  }
}
