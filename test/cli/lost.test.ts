import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { permitsDirectory } from '../../src/engine/file/permits.ts';
import { locksIn } from '../support/place.ts';
import { Cli } from './cli.ts';

/** A run that holds j until its input is closed, and the path of that lock. */
async function held(...options: string[]) {
  const cli = new Cli();
  const run = cli.start(['run', ...options, 'j', '--', 'sh', '-c', 'echo $$; cat']);
  const command = Number(await run.line(''));
  return { cli, run, command, path: locksIn(cli.home).pathOf('j') };
}

const ways: Record<string, { options: string[]; take: (path: string) => unknown }> = {
  'whose lock file is removed': { options: [], take: (path) => rmSync(path) },
  'whose lock file is replaced': { options: ['-s'], take: (path) => renameSync(path, `${path}.old`) },
  'whose permit is removed': {
    options: ['--permits', '2'],
    take: (path) => {
      const [slot = ''] = readdirSync(permitsDirectory(path));
      rmSync(join(permitsDirectory(path), slot));
    },
  },
  'whose claim is removed': { options: ['--engine', 'portable'], take: (path) => rmSync(path) },
};

it.each(Object.entries(ways))(
  'a run %s says so once while its command goes on, by name, and what to do, and ends as the command does [H7, C3]',
  async (_how, { options, take }) => {
    const { run, command, path } = await held(...options);

    take(path);

    await run.says(/was taken away/, 'stderr');
    expect(run.stderr).toContain('holdfast: warning: the lock on j was taken away: its ');
    expect(run.stderr).toContain(`${path}`);
    expect(run.stderr).toContain('so another holder may be at work. The command goes on without it');
    expect(run.stderr).toContain(`end it with kill ${command}`);
    const { code, stderr } = await run.finish();
    expect(code).toBe(0);
    expect(stderr.match(/taken away/g)).toHaveLength(1);
  },
);

it('a run whose command ends before it is told anything says so at its end, with --json as an event [H7, C3]', async () => {
  const cli = new Cli();
  const path = locksIn(cli.home).pathOf('j');
  const remove = ['j', '--', 'rm', path];

  const { code, stderr } = await cli.run(['run', ...remove]);
  expect(code).toBe(0);
  expect(stderr).toContain('The command has ended without it: check what the lock protects');
  const json = await cli.run(['run', '--json', ...remove]);
  expect(JSON.parse(json.stderr)).toMatchObject({ event: 'lost', resource: 'j', path, reason: 'replaced' });
});

it('a run whose permit was taken away still keeps out those who want the lock alone [H7, A5]', async () => {
  const { cli, run, path } = await held('--permits', '2');
  ways['whose permit is removed']?.take(path);
  await run.says(/was taken away/, 'stderr');

  expect((await cli.run(['run', '-n', 'j', '--', 'echo', 'SECOND'])).code).toBe(75);
  await run.finish();
});
