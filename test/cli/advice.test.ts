import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { acquireLock, LockManager } from 'holdfast';
import { expect, it } from 'vitest';
import { needsRoot } from '../support/root.ts';
import { tempDirectory } from '../support/temp.ts';
import { Cli } from './cli.ts';
import { bodies, Fetching } from './fetching.ts';

it('of a lock on a name that cannot be made, each face advises what it has [X47]', async () => {
  const cli = new Cli();
  const directory = join(cli.home, 'file');
  writeFileSync(directory, '');
  const { code, stderr } = await cli.run(['run', '--directory', directory, 'x', '--', 'true']);
  expect(code).toBe(125);
  expect(stderr).toMatch(
    /has to be there, or choose another directory \(HOLDFAST_HOME, or --directory\)\.\n$/,
  );
  await expect(new LockManager({ directory }).acquire('x')).rejects.toThrow(
    /has to be there, choose another directory \(HOLDFAST_HOME, or the directory option\), or set fallbackDirectory\.$/,
  );
});

it('of a lock beside a file that cannot be made, no other directory is advised [X47]', async () => {
  const cli = new Cli();
  writeFileSync(join(cli.home, 'plain'), '');
  const { code, stderr } = await cli.run(['run', 'plain/x/y', '--', 'true'], { cwd: cli.home });
  expect(code).toBe(125);
  expect(stderr).toMatch(/cannot be made: ENOTDIR\. Move \S+ away: a directory has to be there\.\n$/);
  await expect(acquireLock(join(cli.home, 'plain/x/y'))).rejects.toThrow(
    /a directory has to be there, or set fallbackDirectory\.$/,
  );
});

it('who may not replace a file in a directory such as /tmp is told who may [X47]', async () => {
  const cli = new Cli();
  const directory = join(tempDirectory(), 'shared');
  mkdirSync(directory);
  const file = join(directory, 'roles.json');
  writeFileSync(file, '{}');
  for (const path of [join(directory, '..'), cli.home]) chmodSync(path, 0o755);
  chmodSync(file, 0o666);
  chmodSync(directory, 0o1777);
  const { code, stderr } = await cli.asUser(65534, ['doc', 'set', file, 'a', '1']).exits();
  expect(code).not.toBe(0);
  expect(stderr).toMatch(
    /belongs to root, and in a directory such as \/tmp only its owner may replace a file\./,
  );
  expect(readFileSync(file, 'utf8')).toBe('{}');
});

it.each([['who', 'x'], ['wait', 'x'], ['break', '--kill', '--yes', 'x'], ['clean', 'x'], ['clean'], ['ls']])(
  '%s %s in a home that one may not enter says so, whose it is, and nothing of what is there [H17, X47]',
  async (...words) => {
    needsRoot();
    const cli = new Cli();
    const locks = join(cli.home, 'locks');
    await cli.run(['run', 'y', '--', 'true']);
    chmodSync(cli.home, 0o755);
    chmodSync(locks, 0o700);
    const { code, stdout, stderr } = await cli.asUser(65534, words).finish();
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toContain(`${locks} belongs to root. Have its owner let this user in, or do this as root`);
    expect(stderr).not.toContain('is there and');
  },
);

it('who may not write beside a file is told that whoever changes it has to [X47]', async () => {
  const cli = new Cli();
  const directory = join(tempDirectory(), 'data');
  mkdirSync(directory);
  for (const path of [join(directory, '..'), directory, cli.home]) chmodSync(path, 0o755);
  const { code, stderr } = await cli
    .asUser(65534, ['run', join(directory, 'roles.json'), '--', 'true'])
    .exits();
  expect(code).toBe(125);
  expect(stderr).toContain(
    'let this user in, or do this as root. Whoever changes the file needs write access to its directory.',
  );
  expect(stderr).not.toMatch(/directory option|fallbackDirectory/);
});

it('a free portable lock is listed by its name, or by its file where nothing tells the name [X46]', async () => {
  const cli = new Cli();
  const env = { HOLDFAST_ENGINE: 'portable' };
  for (const name of ['plain', 'a:b']) await cli.run(['run', name, '--', 'true'], { env });
  expect((await cli.run(['ls', '--names'], { env })).stdout).toBe('plain\n');
  expect((await cli.run(['ls'], { env })).stdout).toMatch(
    /\/a-b~[0-9a-f]{20}\.lock \(name not known\) +free/,
  );
});

it('a file of somebody else in the directory that a download is to go to is named, and what helps [K23, X47]', async () => {
  needsRoot();
  const fetching = new Fetching();
  const { url } = await bodies({ '/words': 'words' });
  const out = join(fetching.cli.home, 'out');
  mkdirSync(out);
  for (const path of [fetching.cli.home, out]) chmodSync(path, 0o777);
  writeFileSync(join(out, 'words'), 'precious', { mode: 0o600 });
  const { code, stderr } = await fetching.cli
    .asUser(65534, ['fetch', '--to', `${out}/`, `${url}/words`])
    .finish();
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining('fetch it with a --to of its own'),
  });
  expect(stderr).toContain(`not at ${join(out, 'words')}, where there is something that was not fetched`);
  expect(readFileSync(join(out, 'words'), 'utf8')).toBe('precious');
});
