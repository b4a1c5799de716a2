import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { scriptedServer, whole } from '../support/scripted-server.ts';
import { Cli, main } from './cli.ts';

it('with few descriptors left, fetch ends well or says first what to raise, wherever it meets the end of them [R82, X47]', async () => {
  const cli = new Cli();
  const server = await scriptedServer(() => whole(Buffer.from('words')));
  const preload = join(cli.home, 'preload.mjs');
  writeFileSync(
    preload,
    `import { closeSync, openSync } from 'node:fs';
     const open = [];
     try { for (;;) open.push(openSync('/dev/null', 'r')); } catch {}
     for (const fd of open.splice(0, Number(process.env.LEFT))) closeSync(fd);`,
  );
  const told: string[] = [];
  for (let left = 2; left <= 9; left++) {
    const { code, stderr } = await cli
      .program(
        'prlimit',
        ['--nofile=100', process.execPath, '--import', preload, main, 'fetch', server.url],
        {
          env: { LEFT: `${left}`, HOLDFAST_CACHE: join(cli.home, `cache ${left}`) },
        },
      )
      .finish();
    if (code !== 0) told.push(stderr.split('\n').at(-2) ?? '');
  }
  expect(told).not.toEqual([]);
  for (const line of told) {
    expect(line).toMatch(
      /^holdfast: http:\S+(: | was not downloaded: no connection could be opened .*\. )This process has too many files open: close some, or raise the limit \(ulimit -n\)/,
    );
  }
  expect(told).toContainEqual(expect.stringContaining('no connection could be opened (EMFILE'));
});

it.each<[string, number | undefined, string]>([
  [
    '/proc',
    undefined,
    "cannot be used: ENOENT. Nothing can be made in /proc, which is the system's own: use another one",
  ],
  [
    'a directory that all can change',
    0o777,
    'can be written by every user, who could change what others are served: use another one',
  ],
  [
    'one such as /tmp',
    0o1777,
    'can be written by every user, who could change what others are served: make one of your own in it, or use another one',
  ],
])(
  'a cache in %s is refused with what helps, and where to say it [K18, R82]',
  async (name, mode, problem) => {
    const cli = new Cli();
    const directory = mode === undefined ? name : join(cli.home, 'cache');
    if (mode !== undefined) {
      mkdirSync(directory);
      chmodSync(directory, mode);
    }
    cli.env.HOLDFAST_CACHE = directory;
    expect(await cli.run(['fetch', 'http://127.0.0.1:1/words'])).toMatchObject({
      code: 125,
      stderr: `holdfast: The cache directory ${directory} ${problem} (--cache, or HOLDFAST_CACHE).\n`,
    });
  },
);
