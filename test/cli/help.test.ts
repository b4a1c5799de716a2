import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Cli } from './cli.ts';

async function codesOf(...words: string[]): Promise<string[]> {
  const { code, stdout } = await new Cli().run([...words, '--help']);
  expect(code).toBe(0);
  const [, codes = ''] = stdout.split('Exit codes:\n');
  return codes
    .trimEnd()
    .replace(/\n {11}/g, ' ')
    .split('\n');
}

it.each([
  [['ls'], '  0        success'],
  [['run'], '  75       the lock is busy, with --no-wait'],
  [['guard'], '  75       the lock is busy, and its rule says not to wait'],
  [['who'], '  1        the lock is free'],
  [['cache'], '  1        verify: something was found; path, rm: no such entry'],
  [['cache', 'rm'], '  1        no such entry'],
  [['doc', 'set'], '  1        the file, the path or the backup is not there, or the file is damaged'],
  [['doc', 'merge'], '  1        conflicts'],
  [['rules'], '  1        check: something was found'],
])('the help of %j says what its own exit codes mean [X50]', async (words, says) => {
  expect(await codesOf(...words)).toContain(says);
});

it('the help of a command says nothing of the exit codes that others have [X50]', async () => {
  expect(await codesOf('ls')).toEqual([
    '  0        success',
    '  125      holdfast itself failed: bad usage, no lock available',
  ]);
  expect((await codesOf('doc', 'merge')).map((row) => row.slice(2, 11).trim())).toEqual(['0', '1', '2']);
  const codes = (await codesOf('run')).map((row) => row.slice(2, 11).trim());
  expect(codes).toEqual(['0', '75', '124', '125', '126', '127', '128 + n']);
});

it.each([
  [['run', '--foo', 'x', '--', 'true'], 'holdfast run --help'],
  [['--json', 'run', '--foo', 'x', '--', 'true'], 'holdfast run --help'],
  [['doc', 'sett', 'f'], 'holdfast doc --help'],
  [['doc', 'get', '--foo', 'f'], 'holdfast doc get --help'],
  [['cache', 'prune', '--max-age', 'soon'], 'holdfast cache prune --help'],
  [['--foo', 'ls'], 'holdfast --help'],
  [['runn', 'x'], 'holdfast --help'],
])('a usage error of %j points to the help of its command [X50]', async (words, next) => {
  const { code, stderr } = await new Cli().run(words);
  expect(code).toBe(125);
  const message = words.includes('--json') ? `${JSON.parse(stderr).error.message}\n` : stderr;
  expect(message).toMatch(new RegExp(`\\. See ${next}\n$`));
});

it.each([[['--json', 'doc', 'get']], [['doc', '--json', 'get']], [['doc', 'get', '--json']]])(
  '%j takes an option of every command, wherever it stands [X48]',
  async (words) => {
    const { code, stderr } = await new Cli().run([...words, 'missing.json']);
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'HOLDFAST_MISSING' } });
  },
);

it('a cache may be named before the subcommand [X48]', async () => {
  const cli = new Cli();
  const cache = join(cli.home, 'other');
  mkdirSync(cache);
  for (const words of [
    ['--cache', cache, 'rm'],
    ['rm', '--cache', cache],
  ]) {
    const { stderr } = await cli.run(['cache', ...words, 'a']);
    expect(stderr).toContain(cache);
  }
});
