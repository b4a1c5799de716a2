import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Latch } from '../support/latch.ts';
import { until } from '../support/until.ts';
import { Cli, main } from './cli.ts';
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

  it('is told to be missing where it does not fit in the log; --complete fails instead [X40, X41]', async () => {
    const cli = new Cli();
    const gate = new Latch(join(cli.home, 'gate'));
    const flood = `: < ${gate.path}; seq -f %0100.0f 180000`; // 18 MB of lines
    const call = ['once', 'long', '--', 'bash', '-c', `(${flood}) & echo started`];
    expect((await cli.run(call)).code).toBe(0);
    gate.open();
    const isKept = () => readdirSync('/proc').some((pid) => isKeeperIn(cli.home, pid));
    await until(() => !isKept(), 'all of it is dealt with');
    const { code, stdout, stderr } = await cli.run(call);
    expect(code).toBe(0);
    expect(stdout.endsWith('\n')).toBe(true);
    const dropped = 'started\n'.length + 180_000 * 101 - 16 * 1024 * 1024;
    expect(stderr).toContain(`long: ${dropped} bytes of its stdout are missing: what came after the run`);
    for (const looking of [call, ['once', '--stdout', 'long']]) {
      const complete = await cli.run([...looking.slice(0, 1), '--complete', ...looking.slice(1)]);
      expect(complete).toMatchObject({ code: 125, stdout: '' });
    }
  });

  it('is kept by a process that keeps nothing else: no lock of whoever started the run, and no directory [X40]', async () => {
    const cli = new Cli();
    const gate = new Latch(join(cli.home, 'gate'));
    const lock = join(cli.home, 'job.lock');
    const leaveBehind = `exec 200>&-; (: < ${gate.path}) & echo started`;
    const job = `exec 200>"$0"; flock -n 200 || exit 9; exec "$@"`;
    const once = [process.execPath, main, 'once', 'setup', '--', 'bash', '-c', leaveBehind];
    const started = await cli.program('bash', ['-c', job, lock, ...once], { cwd: cli.home }).exits();
    expect(started).toMatchObject({ code: 0, stdout: 'started\n' });
    expect((await cli.program('flock', ['-n', lock, 'true']).exits()).code).toBe(0);
    const keepers = readdirSync('/proc').filter((pid) => isKeeperIn(cli.home, pid));
    expect(keepers.map((pid) => readlinkSync(`/proc/${pid}/cwd`))).toEqual(['/']);
    gate.open();
  });
});

function isKeeperIn(home: string, pid: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return words.includes('keeper.js') && words.includes(home);
  } catch {
    return false; // no process, or one that has ended
  }
}
