import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { mountTmpfs } from '../support/disk.ts';
import { Latch } from '../support/latch.ts';
import { tempDirectory } from '../support/temp.ts';
import { Cli } from './cli.ts';

const lastLine = (stderr: string) => stderr.trim().split('\n').at(-1) as string;

it('whether the next start runs a failed command again is told by the setting of the call [A14, R82]', async () => {
  const cli = new Cli();
  const command = ['x', '--', 'sh', '-c', 'exit 3'];
  const first = await cli.run(['once', ...command]);
  expect(first.stderr).toMatch(/ · the next start runs it again\n$/);
  for (const call of [['once'], ['once', '--wait']]) {
    const later = await cli.run([...call, '--failure-ttl', '1h', ...command]);
    expect(later.code).toBe(3);
    expect(later.stderr).toMatch(
      / · the failure counts for another \S.*; forget it: holdfast once --reset x\n$/,
    );
  }
  const json = await cli.run(['once', '--json', '--failure-ttl', '1h', ...command]);
  expect(JSON.parse(lastLine(json.stderr)).error.remembered).toBeGreaterThan(0);
});

it.each(['--wait', '--follow'])(
  'the error of %s names the ID also when its command was ended from outside, as every other does [A12, X50]',
  async (deed) => {
    const cli = new Cli();
    const { signal, stderr } = await cli.run(['once', '--json', deed, 'x', '--', 'sh', '-c', 'kill $$']);
    expect(signal).toBe('SIGTERM');
    expect(JSON.parse(lastLine(stderr)).error).toMatchObject({ code: 'HOLDFAST_BACKGROUND', resource: 'x' });
  },
);

it('what a follower misses is told once, with --complete as the error that it ends with [X41]', async () => {
  const cli = new Cli();
  mountTmpfs(cli.home, 'size=256k');
  cli.env.HOLDFAST_AUDIT = 'off';
  const gate = new Latch(join(tempDirectory(), 'gate'));
  onTestFinished(() => gate.open());
  const script = `echo started; : < ${gate.path}; yes | head -c 1000000`;
  const followers = [[], ['--complete']].map((flags) =>
    cli.start(['once', '--follow', ...flags, 'chatty', '--', 'sh', '-c', script]),
  );
  for (const each of followers) await each.says(/started/);
  gate.open();
  const [plain, complete] = await Promise.all(followers.map((each) => each.exits()));
  for (const [ending, code] of [
    [plain, 0],
    [complete, 125],
  ] as const) {
    expect(ending?.code).toBe(code);
    expect(ending?.stderr.match(/bytes of its stdout are missing: ENOSPC/g)).toHaveLength(1);
  }
});

it('a start in the background that no command is in the way of does not say that one is [X42, R82]', async () => {
  const cli = new Cli();
  const holder = await cli.hold('once:x');
  const { code, stderr } = await cli.run(['once', '--scope', 'user', '--detach', 'x', '--', 'true']);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^holdfast: x waits for its lock, held by .* pid \d+.*, and then runs\. Follow: /);
  await holder.finish();
  expect((await cli.run(['once', '--scope', 'user', '--wait', 'x', '--', 'true'])).code).toBe(0);
});

it('the stop of an ID of which nothing is known is no success, and names the one that may be meant [A13, A17, R82]', async () => {
  const cli = new Cli();
  const [here, there] = ['here', 'there'].map((name) => join(cli.home, name)) as [string, string];
  for (const project of [here, there]) mkdirSync(join(project, '.git'), { recursive: true });
  const stop = (...args: string[]) => cli.run(['once', '--stop', ...args], { cwd: here });
  await cli.run(['once', 'deploy', '--', 'true'], { cwd: there });
  for (const [id, what] of [
    ['deplyo', '; did you mean "deploy"?'],
    ['deploy', ` here, but in ${there}.`],
    ['backup', '.'],
  ] as const) {
    const stdout = `no run of ${id} is known${what} Look: holdfast once ls\n`;
    expect(await stop(id)).toMatchObject({ code: 1, stdout, stderr: '' });
  }
  const json = await stop('--json', 'backup');
  expect([json.code, JSON.parse(json.stdout)]).toEqual([1, { id: 'backup', stopped: false, known: false }]);

  await cli.run(['once', 'deploy', '--', 'true'], { cwd: here });
  expect(await stop('deploy')).toMatchObject({ code: 0, stdout: 'deploy was not running\n' });
});
