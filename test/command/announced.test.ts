import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Cli, main } from '../cli/cli.ts';
import { type Child, fixture } from '../support/child.ts';
import { smallDisk } from '../support/disk.ts';
import { locksIn } from '../support/place.ts';
import { until } from '../support/until.ts';

const preload = pathToFileURL(fixture('trouble-while-starting.mjs')).href;

/** Every descriptor of one digit is in use, so that no shell can hold the command back. */
const OCCUPIED = `exec "$@" ${[3, 4, 5, 6, 7, 8, 9].map((fd) => `${fd}</dev/null`).join(' ')}`;

function startCrowded(cli: Cli, words: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
  const run = [process.execPath, '--import', preload, main, 'run', '--engine', 'portable', 'mirror', '--'];
  return cli.program('sh', ['-c', OCCUPIED, 'sh', ...run, ...words], { env });
}

const next = (cli: Cli) =>
  cli.run(['run', '--engine', 'portable', '--no-wait', 'mirror', '--', 'echo', 'next']);

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Ended before.
  }
}

/** The command says its process id, and works until its input is closed. */
const WORKING = ['sh', '-c', 'echo begun $$; exec cat'];

describe('a command under a portable lock that no shell can hold back', () => {
  it.each(['before-start', 'after-start'])(
    'may run when holdfast is killed %s, so the lock stays held until a person breaks the claim [A5, H11, H16]',
    async (step) => {
      const cli = new Cli();
      const killed = startCrowded(cli, WORKING, { DIE_AT: step });
      expect((await killed.finish()).signal).toBe('SIGKILL');

      expect(await next(cli)).toMatchObject({ code: 75, stdout: '' });
      const [{ claim = '' } = {}] = locksIn(cli.home).inspect('mirror').holders;
      expect((await cli.run(['break', '--claim', claim, '--yes', 'mirror'])).code).toBe(0);
      expect(await next(cli)).toMatchObject({ code: 0, stdout: 'next\n' });
    },
  );

  it('keeps it when holdfast is killed after it began, until it ends [A5, H11]', async () => {
    const cli = new Cli();
    const first = startCrowded(cli, ['sh', '-c', 'echo begun $$; exec sleep 600']);
    const command = Number((await first.says(/begun (\d+)/))[1]);
    onTestFinished(() => end(command));
    const isNamed = () => locksIn(cli.home).inspect('mirror').holders[0]?.child?.pid === command;
    await until(isNamed, 'the claim names the command'); // just after its start
    await first.killAlone();

    expect(await next(cli)).toMatchObject({ code: 75, stdout: '' });
    const waiting = cli.start(['run', '--engine', 'portable', 'mirror', '--', 'echo', 'next']);
    end(command);
    expect(await waiting.exits()).toMatchObject({ code: 0, stdout: 'next\n' });
  });

  it('keeps it on a disk that is too full to name it [A5, H11, H14]', async () => {
    const { disk } = smallDisk('size=64k');
    const cli = new Cli();
    cli.env.HOLDFAST_HOME = join(disk, 'home');
    const filler = join(disk, 'filler');
    const first = startCrowded(cli, WORKING, { FILL: filler });
    await first.says(/begun/);

    expect(await next(cli)).toMatchObject({ code: 75, stdout: '' });
    expect(await first.finish()).toMatchObject({ code: 0, stderr: '' });
    unlinkSync(filler);
    expect(await next(cli)).toMatchObject({ code: 0, stdout: 'next\n' });
  });
});
