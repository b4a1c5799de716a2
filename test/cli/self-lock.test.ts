import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blocks, read } from '../documents.ts';
import type { Child } from '../support/child.ts';
import { Latch } from '../support/latch.ts';
import { Cli, main } from './cli.ts';
import { SHELLS, type Shell } from './terminal.ts';

/** The lines of docs/cli.md by which a script locks itself: its own first one, and the one of a file that scripts read. */
const [OWN = '', COMMON = ''] = blocks(read('docs/cli.md')).flatMap(({ text }) =>
  text.split('\n').filter((line) => /^\[ "\$\{1-\}" = --locked \]/.test(line)),
);
const READS_COMMON = /^# lock\.sh.*: (\. .*)$/m.exec(read('docs/cli.md'))?.[1] ?? '';

/** A directory of scripts, and a PATH as npm makes it. */
class Scripts {
  readonly cli = new Cli();
  readonly directory = join(this.cli.home, 'my scripts');
  readonly gate = new Latch(join(this.cli.home, 'gate'));
  readonly #shell: Shell;

  constructor(shell: Shell) {
    this.#shell = shell;
    const bin = join(this.cli.home, 'bin');
    mkdirSync(bin);
    symlinkSync(main, join(bin, 'holdfast'));
    symlinkSync(process.execPath, join(bin, 'node'));
    this.cli.env.PATH = `${bin}:${this.directory}:${process.env.PATH}`;
    mkdirSync(this.directory);
  }

  /** A script that begins with a line of the docs. `hold` has it wait for the gate; it exits with 7. */
  write(name: string, line = OWN, body = ''): string {
    const path = join(this.directory, name);
    const hold = `[ "\${1-}" != hold ] || { echo "ready $$ $PPID"; : < '${this.gate.path}'; }`;
    const text = `#!/usr/bin/env ${this.#shell}\n${this.#inShell(line)}\necho "got $#: $*"\n${body}\n${hold}\nexit 7\n`;
    writeFileSync(path, text);
    chmodSync(path, 0o755);
    return path;
  }

  writeCommon(): void {
    writeFileSync(join(this.directory, 'lock.sh'), `${this.#inShell(COMMON)}\n`);
  }

  #inShell(line: string): string {
    return line.replace('-- sh "$0"', `-- ${this.#shell} "$0"`);
  }

  start(...words: readonly string[]): Child {
    const [program = '', ...args] = words;
    return this.cli.program(program, args, { cwd: this.directory });
  }

  /** Whoever calls a script now finds its lock held. */
  async isHeld(script: string): Promise<void> {
    const { code, stdout, stderr } = await this.start(script).exits();
    expect({ code, stdout }).toEqual({ code: 75, stdout: '' });
    expect(stderr).toMatch(/^holdfast: \S+ is held by /);
  }
}

describe.each(SHELLS)('a script of %s that locks itself', (shell) => {
  it('runs once at a time: a second one ends with 75, and the next one when the lock is free with its own code [A5]', async () => {
    const scripts = new Scripts(shell);
    const script = scripts.write('backup.sh');
    const first = scripts.start(script, 'hold', 'a b', '');
    await first.says(/got 3: hold a b \nready/);
    await scripts.isHeld(script);
    scripts.gate.open();
    expect((await first.exits()).code).toBe(7);
    expect(await scripts.start(script, 'x  y').exits()).toMatchObject({ code: 7, stdout: 'got 1: x  y\n' });
  });

  it('may be called by any path, by its name alone, and through its shell; with spaces in its name [A5]', async () => {
    const scripts = new Scripts(shell);
    const script = scripts.write('back up.sh');
    for (const call of [
      [script],
      ['./back up.sh'],
      ['../my scripts/back up.sh'],
      ['back up.sh'],
      [shell, 'back up.sh'],
    ]) {
      expect(await scripts.start(...call, 'arg').exits()).toEqual({
        code: 7,
        signal: null,
        stdout: 'got 1: arg\n',
        stderr: '',
      });
    }
  });

  it('goes on under the lock when it calls itself [X1, A5]', async () => {
    const scripts = new Scripts(shell);
    const body = `[ "\${1-}" != twice ] || { ${shell} "$0" once more; echo "inner ended with $?"; }`;
    const script = scripts.write('backup.sh', OWN, body);
    const { stdout } = await scripts.start(script, 'twice').exits();
    expect(stdout).toBe('got 1: twice\ngot 2: once more\ninner ended with 7\n');
  });

  it('takes its lock under another one as well [A5]', async () => {
    const scripts = new Scripts(shell);
    const script = scripts.write('backup.sh');
    const outer = scripts.start('holdfast', 'run', 'other', '--', script, 'hold');
    await outer.says(/ready/);
    await scripts.isHeld(script);
  });

  it('takes it in a call by what an earlier one has left behind [A5]', async () => {
    const scripts = new Scripts(shell);
    const later = new Latch(join(scripts.cli.home, 'later'));
    const body = `[ "\${1-}" != leave ] || { : < '${later.path}'; ${shell} "$0"; echo "left ended with $?"; } &`;
    const script = scripts.write('backup.sh', OWN, body);
    const first = scripts.start(script, 'leave');
    await first.says(/got 1: leave/);
    await first.exited;
    const second = scripts.start(script, 'hold');
    await second.says(/ready/);
    later.open();
    await first.says(/left ended with 75/);
  });

  it('keeps the lock when holdfast is killed, and gives it back when it is killed itself [A5, H11]', async () => {
    const scripts = new Scripts(shell);
    const script = scripts.write('backup.sh');
    const running = scripts.start(script, 'hold');
    const [, pid, holdfast] = await running.says(/ready (\d+) (\d+)/);
    expect(Number(holdfast)).toBe(running.pid); // a supervisor has the same process before and after
    process.kill(Number(holdfast), 'SIGKILL');
    await running.exited;
    await scripts.isHeld(script);
    process.kill(Number(pid), 'SIGKILL');
    const next = ['holdfast', 'run', '-q', 'backup', '--', 'echo', 'free']; // waits for the end of what was killed
    expect((await scripts.start(...next).exits()).stdout).toBe('free\n');
  });

  it('meets itself from a cron job, whose environment is nearly empty [A5]', async () => {
    const scripts = new Scripts(shell);
    scripts.cli.env.HOLDFAST_HOME = undefined;
    scripts.cli.env.XDG_STATE_HOME = undefined;
    scripts.cli.env.HOME = scripts.cli.home;
    const script = scripts.write('backup.sh');
    const cron = [
      'env',
      '-i',
      `HOME=${scripts.cli.home}`,
      'LOGNAME=root',
      'SHELL=/bin/sh',
      `PATH=${scripts.cli.env.PATH}`,
    ];
    const running = scripts.start(...cron, '/bin/sh', '-c', `'${script}' hold`);
    await running.says(/got 1: hold\nready/);
    await scripts.isHeld(script);
  });

  it('may read the line from a file that scripts share: each has a lock of its own name [A5]', async () => {
    const scripts = new Scripts(shell);
    scripts.writeCommon();
    const [one, two] = ['one', 'two'].map((name) => scripts.write(name, READS_COMMON)) as [string, string];
    const running = scripts.start(one, 'hold', 'more words');
    await running.says(/got 2: hold more words\nready/);
    await scripts.isHeld(one);
    expect(await scripts.start(two, 'a b').exits()).toMatchObject({ code: 7, stdout: 'got 1: a b\n' });
  });

  it('does not run without the lock when there is no holdfast [A5]', async () => {
    const scripts = new Scripts(shell);
    const script = scripts.write('backup.sh');
    scripts.cli.env.PATH = '/usr/bin:/bin';
    expect(await scripts.start(script).exits()).toMatchObject({ code: 127, stdout: '' });
  });
});
