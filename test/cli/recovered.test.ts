import { describe, expect, it } from 'vitest';
import { Cli } from './cli.ts';

const TELL = ['sh', '-c', 'echo "<$HOLDFAST_RECOVERED>"'];

/** A lock whose holder was killed at work. */
async function dead(engine: string, name = 'j'): Promise<Cli> {
  const cli = new Cli();
  const run = cli.start(['run', '--engine', engine, name, '--', 'sh', '-c', 'echo pid $$; exec sleep 1000']);
  const command = Number((await run.line('pid ')).slice(4));
  run.signal('SIGKILL');
  process.kill(command, 'SIGKILL');
  await run.exits();
  return cli;
}

describe.each([['kernel'], ['portable']])('the death of a holder, under the %s engine', (engine) => {
  it('is told to the command of the next one, once, in a variable and in a line [X14]', async () => {
    const cli = await dead(engine);
    const first = await cli.run(['run', '--engine', engine, 'j', '--', ...TELL]);
    expect(first.stdout).toBe('<j>\n');
    expect(first.stderr).toBe(
      'holdfast: j: its last holder ended without releasing it, so its work may be half-done\n',
    );
    const second = await cli.run(['run', '--engine', engine, 'j', '--', ...TELL], {
      env: { HOLDFAST_RECOVERED: 'something from outside' },
    });
    expect(second).toMatchObject({ stdout: '<>\n', stderr: '' });
  });

  it('is told to the one after that when the command was not found [X14]', async () => {
    const cli = await dead(engine);
    expect((await cli.run(['run', '--engine', engine, 'j', '--', 'no-such-command'])).code).toBe(127);
    expect((await cli.run(['run', '--engine', engine, 'j', '--', ...TELL])).stdout).toBe('<j>\n');
    expect((await cli.run(['run', '--engine', engine, 'j', '--', ...TELL])).stdout).toBe('<>\n');
  });

  it('is not told of a run that was ended by break: it gives its lock back when its command has ended [X14, A4]', async () => {
    const cli = new Cli();
    const running = cli.start([
      'run',
      '--engine',
      engine,
      'j',
      '--',
      'sh',
      '-c',
      'echo begun; exec sleep 1000',
    ]);
    await running.says(/begun/);

    expect((await cli.run(['break', '--kill', '--yes', 'j'])).code).toBe(0);

    await running.exits();
    expect((await cli.run(['run', '--engine', engine, 'j', '--', ...TELL])).stdout).toBe('<>\n');
  });
});

it('the death of a holder is told in one line, also of a lock whose name has several [X14]', async () => {
  const cli = await dead('kernel', 'a\nj');

  expect((await cli.run(['run', 'a\nj', '--', ...TELL])).stdout).toBe('<a\\u000aj>\n');
});
