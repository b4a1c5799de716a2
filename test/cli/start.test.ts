import { cpSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { fixture } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';
import { Cli, main } from './cli.ts';

/** What only errors, rules, documents and caches need. */
const NOT_NEEDED =
  /\b(RulesError|DamagedError|CacheDirectoryError|PortableWaiter) ?= ?class|function parseJson/;

/** Bytes of the command line that a start reads at most: each 100 KB cost it about a millisecond. */
const MOST_BYTES = { run: 350_000, hit: 432_000 };

/** The files of the command line that are read by a call which goes well, by their names without a hash. */
async function readBy(cli: Cli, ...args: readonly string[]) {
  const { code, stderr } = await cli
    .program(process.execPath, ['-r', fixture('loaded.cjs'), main, ...args])
    .finish();
  expect(code).toBe(0);
  const loaded = JSON.parse(/^loaded: (.*)$/m.exec(stderr)?.[1] ?? '[]') as string[];
  const files = loaded.filter((path) => dirname(path) === dirname(main));
  return {
    names: files.map((path) => basename(path).replace(/(-[\w-]{8})?\.js$/, '')),
    bytes: files.reduce((sum, path) => sum + statSync(path).size, 0),
    needless: files.flatMap((path) => NOT_NEEDED.exec(readFileSync(path, 'utf8'))?.[0] ?? []),
  };
}

it('holdfast run reads two files, and nothing of what it does not need [X50]', async () => {
  const cli = new Cli();
  await cli.run(['run', 'x', '--', 'true']); // where there is no lock file yet, the portable engine is asked
  const { names, bytes, needless } = await readBy(cli, 'run', 'x', '--', 'true');
  expect(names).toEqual(['main', 'run']);
  expect(bytes).toBeLessThan(MOST_BYTES.run);
  expect(needless).toEqual([]);
});

it('a hit of once reads three files [X50]', async () => {
  const cli = new Cli();
  await cli.run(['once', 'x', '--', 'true']);
  const { names, bytes, needless } = await readBy(cli, 'once', 'x', '--', 'true');
  expect(names.toSorted()).toEqual(['hit', 'main', 'run']);
  expect(bytes).toBeLessThan(MOST_BYTES.hit);
  expect(needless).toEqual([]);
});

it('the portable engine is read when it is used, and works [X50]', async () => {
  const cli = new Cli();
  const { names } = await readBy(cli, 'run', '--engine', 'portable', 'x', '--', 'true');
  expect(names.toSorted()).toEqual(['main', 'portable', 'run']);
});

it('a wait goes on where an upgrade has removed what its failure would be told by [X50]', async () => {
  const directory = tempDirectory();
  cpSync(dirname(dirname(main)), join(directory, 'dist'), { recursive: true });
  cpSync(new URL('../../package.json', import.meta.url), join(directory, 'package.json'));
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(directory, 'node_modules'));
  const commands = join(directory, 'dist/cli');
  const gone = readdirSync(commands).filter((name) => /^(failure|report)-/.test(name));
  for (const name of gone) rmSync(join(commands, name));
  expect(gone).not.toEqual([]);

  const cli = new Cli();
  const holder = await cli.hold('x');
  const waiter = cli.program(process.execPath, [
    join(commands, 'main.js'),
    'run',
    'x',
    '--',
    'echo',
    'granted',
  ]);
  await until(async () => /wait/.test((await cli.run(['who', 'x'])).stdout), 'it waits');
  await holder.finish();
  expect(await waiter.finish()).toMatchObject({ code: 0, stdout: 'granted\n' });
});
