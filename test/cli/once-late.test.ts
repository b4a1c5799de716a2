import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Latch } from '../support/latch.ts';
import { until } from '../support/until.ts';
import { Cli } from './cli.ts';
import { isAlive } from './task.ts';

describe('what is written after the end of a command', () => {
  it('is printed and recorded, when it comes soon [X40]', async () => {
    const cli = new Cli();
    const gate = new Latch(join(cli.home, 'gate'));
    const leader = join(cli.home, 'leader');
    const script = `exec > >(: < ${gate.path}; cat); echo $$ > ${leader}; echo important`;
    const call = ['once', 'late', '--', 'bash', '-c', script];
    const running = cli.start(call);
    await until(() => existsSync(leader) && readFileSync(leader, 'utf8') !== '', 'the command runs');
    await until(() => !isAlive(Number(readFileSync(leader, 'utf8'))), 'the command ends');
    gate.open();
    expect(await running.exits()).toMatchObject({ code: 0, stdout: 'important\n' });
    expect((await cli.run(call)).stdout).toBe('important\n');
  });

  it('is kept in the log, however late, and does not end who writes it [X40]', async () => {
    const cli = new Cli();
    const [late, never] = ['late', 'never'].map((name) => new Latch(join(cli.home, name))) as [Latch, Latch];
    const alive = join(cli.home, 'alive');
    const daemon = `: < ${late.path}; echo later; echo oops >&2; echo $BASHPID > ${alive}; : < ${never.path}`;
    const call = ['once', 'setup', '--', 'bash', '-c', `(${daemon}) & echo started`];
    expect(await cli.run(call)).toMatchObject({ code: 0, stdout: 'started\n', stderr: '' });
    late.open();
    await until(() => existsSync(alive) && readFileSync(alive, 'utf8') !== '', 'the daemon goes on');
    await until(
      async () => (await cli.run(['once', '--stderr', 'setup'])).stderr === 'oops\n',
      'it is logged',
    );
    expect(await cli.run(call)).toMatchObject({ code: 0, stdout: 'started\nlater\n', stderr: 'oops\n' });
    expect(isAlive(Number(readFileSync(alive, 'utf8')))).toBe(true);
    never.open();
  });
});
