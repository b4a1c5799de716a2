import { readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture } from '../support/child.ts';
import { within } from '../support/deadline.ts';
import { until } from '../support/until.ts';
import { main } from './cli.ts';
import { Task } from './task.ts';

const HUNG_UP = `${-constants.signals.SIGHUP}\n`;

/** On a terminal that hangs up when it has got a line; prints how the call ended. What it says on standard error is in `errors`. */
function onTerminal({ cli }: Task, once: readonly string[], ...flags: readonly string[]) {
  const redirected = ['sh', '-c', `exec "$@" 2> ${join(cli.home, 'errors')}`, 'sh'];
  const call = [...redirected, process.execPath, main, 'once', '--quiet', ...once];
  return cli.program('python3', [fixture('cli-hangup.py'), ...flags, ...call]);
}

/** A command that says a line, and a last one when a signal comes; it notes each that does. */
function lastWords(task: Task, signal: 'HUP' | 'INT') {
  const noted = join(task.cli.home, 'noted');
  const note = (name: string, then: string) => `trap 'echo bye; echo ${name} >> ${noted}; ${then}' ${name}`;
  const script = `${note('TERM', ':')}; ${note(signal, 'exit 3')}; echo $$ >> ${task.runs}; echo line; while :; do sleep 0.02; done`;
  return { words: ['sh', '-c', script], noted: () => readFileSync(noted, 'utf8') };
}

describe('a terminal that hangs up', () => {
  it('tells its run by HUP alone, also one whose command has a last word for it [X38, X39]', async () => {
    const task = new Task();
    const { words, noted } = lastWords(task, 'HUP');
    expect((await onTerminal(task, ['task', '--', ...words]).exits()).stdout).toBe(HUNG_UP);
    expect(noted()).toBe('HUP\n');
  });

  it('leaves a run alone that it does not control, and what that says elsewhere [X38, X39]', async () => {
    const task = new Task();
    const many = join(task.cli.home, 'many');
    const over = join(task.cli.home, 'over');
    writeFileSync(many, '');
    const script = `until test -e ${over}; do echo line; echo error >&2; echo >> ${many}; sleep 0.01; done; echo the end`;
    const words = ['task', '--', 'sh', '-c', script];
    const call = onTerminal(task, words, '--no-signal');
    await until(() => readFileSync(many, 'utf8').length > 30, 'the run goes on');
    writeFileSync(over, '');
    expect((await call.exits()).stdout).toBe('0\n');
    expect((await task.cli.run(['once', ...words])).stdout).toMatch(/^(line\n){30,}the end\n$/);
    const errors = readFileSync(join(task.cli.home, 'errors'), 'utf8');
    expect(errors.match(/^error$/gm)).toHaveLength(readFileSync(many, 'utf8').length); // beside what koffi says at its end
  });

  it('ends a follower as by HUP, and not its run [X38, X39]', async () => {
    const task = new Task();
    await task.start('--detach', '--quiet').exits();
    const follower = onTerminal(task, ['--follow', 'task'], '--no-signal');
    expect((await follower.exits()).stdout).toBe(HUNG_UP);
    expect((await task.cli.run(['once', '--active', 'task'])).code).toBe(0);
  });
});

it('a reader that has left adds nothing to the signal that ends a run [X37, X39]', async () => {
  const task = new Task();
  const { words, noted } = lastWords(task, 'INT');
  const call = [main, 'once', '--quiet', 'task', '--', ...words];
  const running = task.cli.program(process.execPath, call, { stdio: ['ignore', 'pipe', 'ignore'] });
  await running.says(/line/);
  running.process.stdout?.destroy();
  running.signal('SIGINT');
  await within(running.exited, 'its end');
  expect(running.process.signalCode).toBe('SIGINT');
  expect(noted()).toBe('INT\n');
});
