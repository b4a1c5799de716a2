import { describe, expect, it } from 'vitest';
import { processFacts } from '../../src/identity/index.ts';
import { type Child, fixture } from '../support/child.ts';
import { until } from '../support/until.ts';
import { Cli, main } from './cli.ts';

const isStopped = (pid: number) => processFacts.isStopped(pid) === true;

/** A run that is a job of its own, started by this command line. */
function job(cli: Cli, words: readonly string[]): Child {
  const command = [fixture('cli-job.py'), process.execPath, main, 'run', 'x', '--', ...words];
  return cli.program('python3', command, { detached: true });
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
    process.kill(wrapper, 'SIGTSTP');
    process.kill(wrapper, 'SIGUSR2');
    expect(await running.exits()).toMatchObject({ code: 3, stdout: expect.stringMatching(/usr2\n$/) });
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
