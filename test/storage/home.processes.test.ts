import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cli } from '../cli/cli.ts';
import { asUser, type Ending } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';

/** Has no entry in the user database. */
const NOBODY_KNOWN = 54_321;

const dist = new URL('../../dist/', import.meta.url);

/** The command line, and programs, of a user without any home directory, in a directory of that user. */
class Homeless {
  readonly cli = new Cli();
  readonly cwd = tempDirectory();
  readonly #env = { HOLDFAST_HOME: undefined, XDG_STATE_HOME: undefined, XDG_CONFIG_HOME: undefined };
  readonly #home: { readonly HOME?: string | undefined };

  constructor(home: string | undefined) {
    this.#home = { HOME: home };
    writeFileSync(join(this.cwd, 'data'), '');
    for (const path of [this.cwd, join(this.cwd, 'data')]) chownSync(path, NOBODY_KNOWN, NOBODY_KNOWN);
  }

  run(...args: readonly string[]): Promise<Ending> {
    const env = { ...this.#env, ...this.#home };
    return this.cli.asUser(NOBODY_KNOWN, args, { cwd: this.cwd, env }).finish();
  }

  /** What an expression of the library comes to, or the code and message of its error. */
  async evaluate(expression: string): Promise<unknown> {
    const code = `
      const { LockManager } = await import('${new URL('index.js', dist)}');
      const { once } = await import('${new URL('once/index.js', dist)}');
      const show = (value) => process.stdout.write(JSON.stringify(value));
      try { show(await (${expression})) } catch ({ code, message }) { show({ code, message }) }`;
    const [setpriv = '', ...through] = asUser(NOBODY_KNOWN);
    const words = [...through, process.execPath, '--input-type=module', '-e', code];
    const env = { ...this.#env, ...this.#home };
    return JSON.parse((await this.cli.program(setpriv, words, { cwd: this.cwd, env }).finish()).stdout);
  }
}

describe.each([undefined, ''])('a user without a home directory, whose HOME is %j,', (home) => {
  it('gets a typed error for a name, which says what to set [X5]', async () => {
    const user = new Homeless(home);
    const message = /^environment variable HOME is not set, and .* user id 54321; set it, or HOLDFAST_HOME, /;
    const error = { code: 'HOLDFAST_INPUT', message: expect.stringMatching(message) };

    expect(await user.evaluate("new LockManager().acquire('mirror')")).toEqual(error);
    expect(await user.evaluate('new LockManager().directory')).toEqual(error);
    expect(await user.evaluate("once('key', () => 1)")).toEqual(error);
    const run = await user.run('run', 'mirror', '--', 'echo', 'ran');
    expect(run).toMatchObject({ code: 125, stdout: '', stderr: expect.stringContaining('HOLDFAST_HOME') });
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('locks files all the same, and is told once that there is no audit log [X5]', async () => {
    const user = new Homeless(home);

    expect(await user.evaluate("new LockManager().with({ file: 'data' }, (lock) => lock.contract)")).toBe(
      'kernel',
    );
    const run = await user.run('run', './data', '--', 'echo', 'ran');
    expect(run).toMatchObject({ code: 0, stdout: 'ran\n' });
    expect(run.stderr.split('There is no audit log: environment variable HOME is not set')).toHaveLength(2);
    expect(await user.run('wait', './data')).toMatchObject({ code: 0, stderr: '' });
    expect(await user.run('who', './data')).toMatchObject({
      code: 1,
      stdout: './data is free\n',
      stderr: '',
    });
    expect(await user.run('clean', './data')).toMatchObject({ code: 0, stderr: '' });
    expect(await user.run('doctor', '.')).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a relative HOME', () => {
  it('is an error for a name, and none for a file [X5]', async () => {
    const user = new Homeless('.');
    const message = expect.stringMatching(/HOME must be an absolute path, got "\."; or set HOLDFAST_HOME/);

    expect(await user.evaluate("new LockManager().acquire('mirror')")).toEqual({
      code: 'HOLDFAST_INPUT',
      message,
    });
    expect(await user.run('run', 'mirror', '--', 'echo', 'ran')).toMatchObject({ code: 125, stdout: '' });
    expect(await user.run('run', './data', '--', 'echo', 'ran')).toMatchObject({ code: 0, stdout: 'ran\n' });
  });
});
