import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { catches } from '../../src/command/signals/process-status.ts';
import { processFacts } from '../../src/identity/index.ts';
import { type Child, fixture } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';
import { until, untilAsleepIn } from '../support/until.ts';
import { Cli, main } from './cli.ts';

const isStopped = (pid: number) => processFacts.isStopped(pid) === true;

/** A run that is a job of its own, started by this command line. */
function job(cli: Cli, words: readonly string[], by: readonly string[] = []): Child {
  const command = [fixture('cli-job.py'), ...by, process.execPath, main, 'run', 'x', '--', ...words];
  return cli.program('python3', command, { detached: true });
}

/** The name of the program that a process runs; undefined when it has ended. */
function programOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0]?.split('/').at(-1);
  } catch {
    return undefined;
  }
}

/** The children of a process, once it has these; one that it has just made still shows the program of its parent. */
async function children(parent: number, programs: readonly string[]): Promise<number[]> {
  let found: number[] = [];
  await until(() => {
    found = processFacts.processIds().filter((pid) => processFacts.parentOf(pid) === parent);
    return isDeepStrictEqual(found.map(programOf), programs);
  }, `process ${parent} has ${programs} as children`);
  return found;
}

function tracerOf(pid: number): number {
  return Number(/^TracerPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** It has started the process that tells it who got a signal, and listens again. */
async function tellsSignals(wrapper: number, command: string): Promise<void> {
  await children(wrapper, [command, 'cat']);
  await until(() => catches(wrapper, 'SIGTSTP') === true, 'holdfast listens');
}

/** It has got a stop, which it takes at an USR1. */
const WITH_A_STOP_PENDING = `
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTSTP, signal.SIGUSR1])
os.kill(os.getpid(), signal.SIGTSTP)
print("pending", flush=True)
signal.sigwait([signal.SIGUSR1])
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTSTP])
print("went on", flush=True)
os._exit(3)
`;

/** A `cat` that notes what it reads, and echoes all but the first byte only once there is a gate. */
function heldBack(journal: string, gate: string): string {
  return `#!/usr/bin/env python3
import os, time
isFirst = True
while byte := os.read(0, 1):
    with open("${journal}", "ab") as file:
        file.write(byte)
    while not isFirst and not os.path.exists("${gate}"):
        time.sleep(0.01)
    isFirst = False
    os.write(1, byte)
`;
}

/** A run whose command says its own process id and that of holdfast. */
async function started(script: string) {
  const running = job(new Cli(), ['sh', '-c', `echo pids $$ $PPID; ${script}`]);
  const [, command, wrapper] = await running.says(/pids (\d+) (\d+)/);
  return { running, command: Number(command), wrapper: Number(wrapper) };
}

describe('a TSTP that is sent to holdfast alone', () => {
  it('stops the command, and then holdfast; a CONT has both go on [X38]', async () => {
    const { running, command, wrapper } = await started('exec cat');
    await tellsSignals(wrapper, 'cat');
    process.kill(wrapper, 'SIGTSTP');
    await until(() => isStopped(command) && isStopped(wrapper), 'both are stopped');
    process.kill(wrapper, 'SIGCONT');
    await until(() => !isStopped(command) && !isStopped(wrapper), 'both go on');
    expect(await running.finish('input')).toMatchObject({ code: 0, stdout: expect.stringMatching(/input$/) });
  });

  it('leaves holdfast at work with a command that ignores it, and signals are passed on as before [X38]', async () => {
    const { running, wrapper } = await started(
      'trap "" TSTP; trap "echo usr2; exit 3" USR2; echo set; while :; do sleep 0.1; done',
    );
    await running.says(/set/);
    await tellsSignals(wrapper, 'sh');
    process.kill(wrapper, 'SIGTSTP');
    process.kill(wrapper, 'SIGUSR2');
    expect(await running.exits()).toMatchObject({ code: 3, stdout: expect.stringMatching(/usr2\n$/) });
  });
});

describe('a Ctrl-Z while holdfast starts a process beside its command', () => {
  it('stops all of them, and a CONT has all go on [X38]', async () => {
    const following = ['strace', '-DDD', '-f', '--detach-on=execve', '-qq', '-o', '/dev/null'];
    const stand = [...following, '-e', 'inject=dup2,dup3:delay_enter=3600000000'];
    const running = job(new Cli(), ['sleep', '1000'], stand);
    const [wrapper] = await children(running.process.pid as number, ['node']);
    const [command, beside] = await children(wrapper as number, ['sleep', 'node']);
    const all = [wrapper, command, beside] as [number, number, number];
    process.kill(-all[0], 'SIGTSTP');
    await running.says(/stopped/); // a signal that strace has taken, but not passed on yet, would be lost with it
    process.kill(tracerOf(all[0]), 'SIGKILL');
    await until(() => all.every(isStopped), 'all are stopped');
    expect(programOf(all[2])).toBe('node');
    process.kill(-all[0], 'SIGCONT');
    await until(() => !all.some(isStopped) && programOf(all[2]) === 'cat', 'all go on');
    process.kill(all[0], 'SIGTERM');
    expect(await running.exits()).toMatchObject({ code: 241 }); // minus 15
  });
});

describe('a CONT that comes while holdfast asks who got a TSTP', () => {
  it('reaches the command after it, so that both go on [X38]', async () => {
    const directory = tempDirectory();
    const [cat, journal, gate] = ['cat', 'journal', 'gate'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(cat, heldBack(journal, gate), { mode: 0o755 });
    const by = ['unshare', '--mount', 'sh', '-c', `mount --bind ${cat} /bin/cat && exec "$@"`, 'sh'];
    const script = 'trap "echo usr2" USR2; echo pids $$ $PPID; while :; do sleep 0.1; done';
    const running = job(new Cli(), ['sh', '-c', script], by);
    const [, command = 0, wrapper = 0] = (await running.says(/pids (\d+) (\d+)/)).map(Number);
    await until(() => existsSync(journal) && catches(wrapper, 'SIGTSTP') === true, 'holdfast listens');
    process.kill(wrapper, 'SIGTSTP');
    await until(() => readFileSync(journal, 'utf8') === '!?', 'it asks');
    process.kill(wrapper, 'SIGCONT');
    await untilAsleepIn(wrapper, 'poll');
    writeFileSync(gate, '');
    process.kill(wrapper, 'SIGUSR2');
    await running.says(/usr2/);
    process.kill(command, 'SIGSTOP'); // which is nothing to holdfast any more
    await until(() => isStopped(command), 'the command is stopped');
    await untilAsleepIn(wrapper, 'poll');
    process.kill(command, 'SIGCONT');
    process.kill(wrapper, 'SIGTERM');
    expect(await running.exits()).toMatchObject({ code: 241, stdout: expect.not.stringMatching(/stopped/) });
  });
});

describe('a stop that holdfast missed, for it was starting a process', () => {
  it('stops it all the same, also where the command has not had a turn on a processor since [X38]', async () => {
    const { running, command, wrapper } = await started(`exec python3 -c '${WITH_A_STOP_PENDING}'`);
    await running.says(/pending/);
    await tellsSignals(wrapper, 'python3');
    const [, canary = 0] = await children(wrapper, ['python3', 'cat']);
    process.kill(canary, 'SIGKILL');
    const isAnother = () =>
      processFacts.processIds().every((pid) => pid !== canary || processFacts.parentOf(pid) !== wrapper);
    await until(isAnother, 'the process that tells signals is gone');
    await tellsSignals(wrapper, 'python3');
    process.kill(command, 'SIGUSR1');
    await until(() => isStopped(command) && isStopped(wrapper), 'both are stopped');
    process.kill(wrapper, 'SIGCONT');
    expect(await running.exits()).toMatchObject({ code: 3, stdout: expect.stringMatching(/went on\n$/) });
  });
});

describe('a command that a debugger has stand still', () => {
  it('does not stop holdfast when that starts a process beside it [X38]', async () => {
    const following = ['strace', '-DDD', '-f', '-qq', '-o', '/dev/null'];
    const stand = [...following, '-e', 'inject=clock_nanosleep:delay_enter=3600000000'];
    const running = job(new Cli(), ['sleep', '1000'], stand);
    const [wrapper = 0] = await children(running.process.pid as number, ['node']);
    await tellsSignals(wrapper, 'sleep');

    await untilAsleepIn(wrapper, 'poll');
    process.kill(tracerOf(wrapper), 'SIGKILL');
    process.kill(wrapper, 'SIGTERM');
    expect(await running.exits()).toMatchObject({ code: 241, stdout: '' });
  });
});

describe('signals of every kind are passed on', () => {
  it.each(['ALRM', 'VTALRM', 'ABRT', 'IO', 'PWR', 'XCPU', 'WINCH', 'URG', 'USR1', 'USR2'])(
    '%s, to a command that handles it [X38]',
    async (signal) => {
      const { running, wrapper } = await started(
        `trap "echo got; exit 3" ${signal}; echo set; while :; do sleep 0.1; done`,
      );
      await running.says(/set/);
      process.kill(wrapper, `SIG${signal}` as NodeJS.Signals);
      expect(await running.exits()).toMatchObject({
        code: 3,
        stdout: expect.stringMatching(/got\n$/),
        stderr: '',
      });
    },
  );
});
