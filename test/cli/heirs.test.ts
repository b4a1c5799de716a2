import { describe, expect, it, onTestFinished } from 'vitest';
import { processFacts } from '../../src/identity/index.ts';
import type { LockInfo } from '../../src/lock/query.ts';
import type { Child } from '../support/child.ts';
import { until } from '../support/until.ts';
import { Cli } from './cli.ts';

/** A leader that dies of SIGTERM, and its worker, which does not, and works until it is killed. */
const JOB = `sh -c 'trap "" TERM; echo worker $$; exec sleep 1000' & wait`;
const FOREGROUND = `sh -c 'trap "" TERM; echo worker $$; while :; do sleep 0.01; done'; true`;

const isGone = (pid: number) => processFacts.look(pid)?.isZombie !== false;

async function start(
  cli: Cli,
  options: readonly string[],
  script: string,
): Promise<{ run: Child; worker: number }> {
  const run = cli.start(['run', ...options, 'j', '--', 'sh', '-c', script]);
  const worker = Number((await run.line('worker ')).slice(7));
  onTestFinished(() => {
    if (!isGone(worker)) process.kill(worker, 'SIGKILL');
  });
  return { run, worker };
}

const who = (cli: Cli) => cli.json(['who', '--json', 'j']) as Promise<LockInfo>;

describe.each([['kernel'], ['portable']])(
  'a worker that outlives its command, under the %s engine',
  (engine) => {
    it.each([
      ['in the foreground', FOREGROUND],
      ['in the background', JOB],
    ])('%s keeps the lock after a signal that was passed on [X3, A5]', async (_how, script) => {
      const cli = new Cli();
      const { run, worker } = await start(cli, ['--engine', engine], script);
      run.signal('SIGTERM');
      await run.exited;
      expect(run.process.signalCode).toBe('SIGTERM');

      expect((await cli.run(['run', '-n', 'j', '--', 'echo', 'next'])).code).toBe(75);
      expect((await who(cli)).state).toBe('exclusive');
      process.kill(worker, 'SIGKILL');
      await until(() => isGone(worker), 'the worker is gone');
      const next = await cli.run(['run', 'j', '--', 'printenv', 'HOLDFAST_RECOVERED']);
      expect(next.stdout).toBe('j\n');
    });

    it('is ended by break, which says truly that the lock is free [X3, A4]', async () => {
      const cli = new Cli();
      const { run, worker } = await start(cli, ['--engine', engine], FOREGROUND);
      const { code, stdout } = await cli.run(['break', '--kill', '--yes', '--grace', '100ms', 'j']);
      expect(code).toBe(0);
      expect(stdout).toContain('j is free');
      expect(isGone(worker)).toBe(true);
      await run.exits();
    });

    it('is found and ended by break also when holdfast and the command have ended [X3, A4]', async () => {
      const cli = new Cli();
      const { run, worker } = await start(cli, ['--engine', engine], FOREGROUND);
      run.signal('SIGTERM');
      await run.exited;
      const { stdout } = await cli.run(['break', '--kill', '--yes', '--grace', '100ms', 'j']);
      expect(stdout).toContain('j is free');
      expect(isGone(worker)).toBe(true);
    });

    it('does not keep the lock when the command ends by itself [X3, A5]', async () => {
      const cli = new Cli();
      const { run } = await start(
        cli,
        ['--engine', engine],
        `sh -c 'echo worker $$; exec sleep 1000' & read -r line`,
      );
      run.say('end');
      await run.exited;
      expect((await cli.run(['run', '-n', 'j', '--', 'echo', 'next'])).stdout).toBe('next\n');
    });

    it('nor does a command that a signal ended, and nobody outlived: the record is cleared [X3, X14]', async () => {
      const cli = new Cli();
      const run = cli.start([
        'run',
        '--engine',
        engine,
        'j',
        '--',
        'sh',
        '-c',
        'echo begun; exec sleep 1000',
      ]);
      await run.line('begun');
      run.signal('SIGTERM');
      await run.exits();
      const next = await cli.run(['run', '-n', 'j', '--', 'sh', '-c', 'echo "<$HOLDFAST_RECOVERED>"']);
      expect(next.stdout).toBe('<>\n');
    });
  },
);

describe('who is left of a command that was killed under the kernel’s lock', () => {
  it('is named as one who inherited it [X3]', async () => {
    const cli = new Cli();
    const { run, worker } = await start(cli, [], FOREGROUND);
    run.signal('SIGTERM');
    await run.exited;
    expect((await who(cli)).holders).toContainEqual(
      expect.objectContaining({ pid: worker, inherited: true }),
    );
  });
});
