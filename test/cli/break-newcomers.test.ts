import { describe, expect, it, onTestFinished } from 'vitest';
import { processFacts } from '../../src/identity/index.ts';
import { Cli } from './cli.ts';

const BREAK = ['break', '--kill', '--yes', '--json', 'x'];

const isGone = (pid: number) => processFacts.look(pid)?.isZombie !== false;

/** A script under a lock, which says which process is its worker. */
function start(cli: Cli, engine: string, script: string) {
  const run = cli.start(['run', '--engine', engine, 'x', '--', 'sh', '-c', script]);
  const worker = async () => {
    const pid = Number((await run.line('worker ')).slice('worker '.length));
    onTestFinished(() => {
      if (!isGone(pid)) process.kill(pid, 'SIGKILL');
    });
    return pid;
  };
  return { run, worker };
}

describe.each([['kernel'], ['portable']])('break --kill, under the %s engine', (engine) => {
  it('lets a script not go on with its next step, and holdfast run ends by the signal [A4, X3]', async () => {
    const cli = new Cli();
    const { run } = start(cli, engine, 'echo ready; sleep 1000; echo next');
    await run.line('ready');

    const broken = await cli.run(BREAK);

    expect(JSON.parse(broken.stdout)).toMatchObject({ state: 'free' });
    expect(await run.exits()).toMatchObject({ signal: 'SIGTERM', stdout: 'ready\n' });
  });

  it('ends what the command starts while it is ended, and has lost its parent, before it says that the lock is free [A4, X3]', async () => {
    const cli = new Cli();
    const late = `late() { setsid sh -c 'echo worker $$; exec sleep 1000' & exit; }; trap late TERM`;
    const { run, worker } = start(cli, engine, `${late}; echo ready; while :; do sleep 0.01; done`);
    await run.line('ready');

    const broken = await cli.run(BREAK);

    const pid = await worker();
    expect([broken.code, isGone(pid)]).toEqual([0, true]);
    expect(JSON.parse(broken.stdout).ended).toContainEqual(expect.objectContaining({ pid }));
  });
});

describe('break --kill, under the portable engine', () => {
  it('leaves alone what the command had left behind in the background, and what that starts [A4, X3]', async () => {
    const cli = new Cli();
    const left = `sh -c 'echo worker $$; while sleep 0.01; do :; done; echo over'`;
    const { run, worker } = start(cli, 'portable', `(${left} &); exec sleep 1000`);
    const pid = await worker();

    expect((await cli.run(BREAK)).code).toBe(0);

    expect(isGone(pid)).toBe(false);
    process.kill(pid, 'SIGKILL');
    expect((await run.exits()).stdout).not.toContain('over');
  });
});
