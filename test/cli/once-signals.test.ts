import { chmodSync, copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { processFacts } from '../../src/identity/index.ts';
import { Latch } from '../support/latch.ts';
import { until, untilStopped } from '../support/until.ts';
import { Cli } from './cli.ts';
import { counted, isAlive, Task } from './task.ts';

const LOOP = 'echo ready; while :; do sleep 0.02; done';

/** A command that is told of by a file, whose group has a member that no TERM ends; that one waits for a gate. */
function withDeafMember(cli: Cli) {
  const gate = new Latch(join(cli.home, 'member-gate'));
  const files = ['leader', 'member', 'last'].map((name) => join(cli.home, name)) as [string, string, string];
  const [leader, member, last] = files;
  const deaf = `trap "" TERM; echo $BASHPID > ${member}; : < ${gate.path}; echo last > ${last}`;
  const words = ['bash', '-c', `(${deaf}) & echo $$ > ${leader}; wait`];
  const pidIn = async (file: string) => {
    await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '', `${file} is there`);
    return Number(readFileSync(file, 'utf8'));
  };
  return { gate, words, leader: () => pidIn(leader), member: () => pidIn(member), last };
}

describe('the command of once', () => {
  it.each(['USR1', 'USR2', 'ALRM', 'WINCH'])(
    'gets SIG%s from its runner, which goes on, in the foreground and in the background [X38]',
    async (name) => {
      for (const flags of [[], ['--follow']]) {
        const task = new Task();
        const script = `trap 'echo got ${name}; exit 7' ${name}; echo $$ >> ${task.runs}; ${LOOP}`;
        const running = task.cli.start(['once', ...flags, 'task', '--', 'bash', '-c', script]);
        await running.says(/ready/);
        process.kill(await task.runner(), `SIG${name}`);
        const { code, stdout } = await running.exits();
        expect([code, stdout]).toEqual([7, `ready\ngot ${name}\n`]);
      }
    },
  );

  it('that has become another user gets none, and is waited for all the same [X38]', async () => {
    const cli = new Cli();
    for (const path of [cli.home, join(cli.home, '..')]) chmodSync(path, 0o777);
    const elevated = join(cli.home, 'elevated');
    copyFileSync('/usr/bin/setpriv', elevated);
    chmodSync(elevated, 0o4755);
    const gate = new Latch(join(cli.home, 'gate'));
    const script = `echo ready; : < ${gate.path}; exit 3`;
    const start = (id: string) =>
      cli.asUser(65534, ['once', id, '--', elevated, '--reuid=0', 'sh', '-c', script]);
    const [told, ended] = [start('told'), start('ended')];
    await Promise.all([told.says(/ready/), ended.says(/ready/)]);
    told.signal('SIGWINCH');
    ended.signal('SIGTERM');
    await ended.says(/SIGTERM cannot be sent to the command \(process \d+\): EPERM, so it goes on/, 'stderr');
    gate.open();
    expect(await told.exits()).toMatchObject({ code: 3 });
    expect((await ended.exits()).signal).toBe('SIGTERM');
  });

  it('gets the second Ctrl-C as well as the first [X38]', async () => {
    const cli = new Cli();
    const script = `trap 'echo int; n=$((n + 1)); test $n = 2 && exit 0' INT; ${LOOP}`;
    const running = cli.start(['once', '--grace', '1h', 'task', '--', 'bash', '-c', script]);
    await running.says(/ready/);
    running.signal('SIGINT');
    await running.says(/int\n/);
    running.signal('SIGINT');
    const { signal, stdout } = await running.exits();
    expect([signal, stdout]).toEqual(['SIGINT', 'ready\nint\nint\n']);
  });

  it('has the time that --grace says to end, and is killed after that [X38]', async () => {
    const cli = new Cli();
    const deaf = ['bash', '-c', `trap 'echo term' TERM; ${LOOP}`];
    const running = cli.start(['once', '--grace', '1ms', 'deaf', '--', ...deaf]);
    await running.says(/ready/);
    running.signal('SIGTERM');
    expect((await running.exits()).signal).toBe('SIGTERM');

    const gate = new Latch(join(cli.home, 'gate'));
    const patient = `trap ': < ${gate.path}; echo tidy; exit 0' TERM; ${LOOP}`;
    const slow = cli.start(['once', '--grace', '1h', 'slow', '--', 'bash', '-c', patient]);
    await slow.says(/ready/);
    slow.signal('SIGTERM');
    gate.open();
    expect(await slow.exits()).toMatchObject({ signal: 'SIGTERM', stdout: 'ready\ntidy\n' });
  });

  it('is over when its whole group is, at a signal as at --stop, which kills none of it before its time [X38]', async () => {
    for (const how of ['signal', 'stop'] as const) {
      const cli = new Cli();
      const { gate, words, leader, member, last } = withDeafMember(cli);
      const running = cli.start(['once', '--grace', '1h', 'group', '--', ...words]);
      const [first, second] = [await leader(), await member()];
      const stopping = how === 'stop' ? cli.start(['once', '--stop', 'group']) : running;
      if (how === 'signal') running.signal('SIGTERM');
      await until(() => !isAlive(first), 'the leader ends');
      expect((await cli.run(['once', '--active', 'group'])).code).toBe(0);
      expect([isAlive(second), stopping.isRunning, running.isRunning]).toEqual([true, true, true]);
      gate.open();
      const { signal, code } = await stopping.exits();
      expect(how === 'stop' ? code : signal).toBe(how === 'stop' ? 0 : 'SIGTERM');
      expect(readFileSync(last, 'utf8')).toBe('last\n');
    }
  });

  it('is over when its whole group is, also when its runner is gone and --stop ends it [X38]', async () => {
    const cli = new Cli();
    const { gate, words, leader, member, last } = withDeafMember(cli);
    const running = cli.start(['once', '--grace', '1h', 'group', '--', ...words]);
    const [first, second] = [await leader(), await member()];
    await until(async () => (await cli.run(['once', '--active', 'group'])).code === 0, 'it is on record');
    await running.killAlone();
    const stopping = cli.start(['once', '--stop', 'group']);
    await until(() => !isAlive(first), 'the leader ends');
    expect([isAlive(second), stopping.isRunning]).toEqual([true, true]);
    gate.open();
    expect((await stopping.exits()).stdout).toBe('group was stopped\n');
    expect(readFileSync(last, 'utf8')).toBe('last\n');
  });

  it('is killed with its whole group by --stop with a shorter --grace than it was started with [X38]', async () => {
    const cli = new Cli();
    const { words, leader, member } = withDeafMember(cli);
    const running = cli.start(['once', '--grace', '1h', 'group', '--', ...words]);
    const pids = [await leader(), await member()];
    expect((await cli.run(['once', '--stop', '--grace', '1ms', 'group'])).stdout).toBe('group was stopped\n');
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect((await running.exits()).signal).toBe('SIGTERM');
  });

  it('stops and goes on with its runner, like a job of a shell [X38]', async () => {
    const task = new Task('echo over');
    const running = task.start();
    const pid = await task.begun();
    running.signal('SIGTSTP');
    await untilStopped(pid);
    await until(() => {
      running.signal('SIGCONT'); // one that comes before the runner stands still is lost by that
      return processFacts.isStopped(pid) === false;
    }, 'the command goes on');
    task.open();
    expect((await running.exits()).code).toBe(0);
  });
});

describe('a command that dies of a signal', () => {
  it.each(['HUP', 'INT', 'KILL', 'TERM'])('has no result when that was SIG%s [X45]', async (name) => {
    const cli = new Cli();
    const { words, runs } = counted(cli, `kill -${name} $$`);
    for (const behind of [words, ['sh', '-c', '"$@"; exit $?', 'sh', ...words]]) {
      const { code, signal } = await cli.run(['once', '--failure-ttl', '1h', 'x', '--', ...behind]);
      expect([code, signal]).toEqual(name === 'KILL' ? [137, null] : [null, `SIG${name}`]);
    }
    expect(runs()).toBe(2);
    expect((await cli.run(['once', '--peek', 'x'])).code).toBe(1);
  });

  it.each([
    ['SEGV', 139],
    ['ABRT', 134],
    ['QUIT', 131],
    ['USR1', 138],
    ['ALRM', 142],
  ])('has failed when that was SIG%s: by itself as behind a shell [X45]', async (name, exitCode) => {
    for (const shell of [[], ['sh', '-c', '"$@"; exit $?', 'sh']]) {
      const cli = new Cli();
      const { words, runs } = counted(cli, `kill -${name} $$`);
      const call = ['once', '--failure-ttl', '1h', 'x', '--', ...shell, ...words];
      const ends = [await cli.run(call), await cli.run(call)].map(({ code, signal }) => code ?? signal);
      const isTold = shell.length === 0 && ['QUIT', 'USR1'].includes(name);
      expect(ends).toEqual(isTold ? [`SIG${name}`, `SIG${name}`] : [exitCode, exitCode]);
      expect(runs()).toBe(1);
      expect((await cli.run(['once', '--exit-code', 'x'])).stdout).toBe(`${exitCode}\n`);
    }
  });
});
