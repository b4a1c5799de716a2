import { describe, expect, it } from 'vitest';
import { fixture } from '../support/child.ts';
import { needsRoot } from '../support/root.ts';
import { Cli, main } from './cli.ts';
import { Guarded } from './guarded.ts';
import { CTRL_C, SHELLS, scriptOnTerminal } from './terminal.ts';

/** Those that end a wait; PIPE does not, for this process raises it itself by what it writes. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

const RULES = `
operations:
  act: { command: mirror *, uses: { mirror: exclusive }, policy: wait }
`;

describe('a wait that a signal ends', () => {
  it.each(ENDING)('is ended by %s, for run [X37, C4]', async (signal) => {
    const cli = new Cli();
    await cli.hold('x');
    const waiter = cli.start(['run', 'x', '--', 'echo', 'ran']);
    await waiter.says(/waiting for x/, 'stderr');
    waiter.signal(signal);
    expect(await waiter.exits()).toMatchObject({ code: null, signal, stdout: '' });
  });

  it.each(ENDING)('is ended by %s, for guard [X37, C4]', async (signal) => {
    const cli = new Guarded(RULES);
    await cli.busy('mirror save');
    const waiter = cli.begin('mirror load');
    await waiter.says(/waiting for mirror/, 'stderr');
    waiter.signal(signal);
    expect(await waiter.exits()).toMatchObject({ code: null, signal, stdout: '' });
  });

  it.each(['SIGUSR1', 'SIGUSR2', 'SIGTERM'] as const)('is ended by %s, for wait [X38]', async (signal) => {
    const cli = new Cli();
    await cli.hold('x');
    const waiter = cli.start(['wait', 'x']);
    await waiter.says(/waiting for x/, 'stderr');
    waiter.signal(signal);
    const ending = await waiter.exits();
    expect(ending).toMatchObject({ code: null, signal });
    expect(ending.stderr).not.toContain('Debugger');
  });
});

it('QUIT leaves no core of holdfast, though cores are allowed [X37]', async () => {
  const command = ['run', 'x', '--', 'sh', '-c', 'ulimit -c 0; kill -QUIT $$'];
  const cli = new Cli();
  const words = [fixture('cli-supervisor.py'), process.execPath, main, ...command];
  const { stdout } = await cli.program('python3', words, { cwd: cli.home }).exits();
  expect(JSON.parse(stdout)).toEqual({ signal: 3, core: false });
});

it('the first process of a container, which no signal of its own ends, tells of it by the exit code [X37]', async () => {
  needsRoot('make a pid namespace');
  const words = ['--pid', '--fork', process.execPath, main, 'run', 'x', '--', 'sh', '-c', 'kill -TERM $$'];
  expect(await new Cli().program('unshare', words).exits()).toMatchObject({ code: 143, signal: null });
});

it.each(SHELLS)('Ctrl-C ends a loop of %s whose command waits for a lock [X37]', async (shell) => {
  const loop = 'for i in 1 2; do test $i = 2 && echo again && exit 7; "$@"; done; echo after';
  const cli = new Cli();
  await cli.hold('x');
  const running = scriptOnTerminal(cli, shell, loop, [process.execPath, main, 'run', 'x', '--', 'true']);
  await running.says(/waiting for x/);
  running.write(CTRL_C);
  const { stdout } = await running.exits();
  expect(stdout).not.toMatch(/again|after/);
});
