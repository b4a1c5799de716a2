import {
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { inScratch, makeScratch, nameScratch, removeScratch } from '../../src/cli/doctor/scratch.ts';
import { Store } from '../../src/once/store.ts';
import { Cli } from '../cli/cli.ts';
import { currentRun, success } from '../once/under-way.ts';
import { needsRoot } from '../support/root.ts';
import { tempDirectory } from '../support/temp.ts';

const ANN = 65_534;

beforeEach(() => needsRoot());

/** The command line of a user, which root uses as well, as `sudo -E` does it. */
function herCli(): Cli {
  const cli = new Cli();
  chownSync(cli.home, ANN, ANN);
  return cli;
}

const asHer = (cli: Cli, ...args: string[]) => cli.asUser(ANN, args, { cwd: cli.home }).finish();

/** All that lies below a directory and is not hers alone. */
function notHers(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const { uid, mode } = lstatSync(join(directory, name));
    return uid !== ANN || (mode & 0o077) !== 0;
  });
}

describe('what root does with the home of another user', () => {
  it('leaves her an audit log that she goes on with [X36]', async () => {
    const cli = herCli();
    await cli.run(['run', 'mirror', '--', 'true']);

    const { code, stderr } = await asHer(cli, 'run', 'mirror', '--', 'true');

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const users = readFileSync(join(cli.home, 'audit.jsonl'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { user: string }).user);
    expect(new Set(users).size).toBe(2);
    expect(notHers(cli.home)).toEqual([]);
  });

  it('leaves her what it has run once, with its output, and finds what she has [X36]', async () => {
    const cli = herCli();
    const count = join(cli.home, 'count');
    const task = ['once', '--scope', 'user', 'build', '--', 'sh', '-c', `echo ran >> ${count}; echo built`];
    await cli.run(task);
    chownSync(count, ANN, ANN);

    const again = await asHer(cli, ...task);
    const reset = await asHer(cli, 'once', '--scope', 'user', '--reset', 'build');
    const anew = await asHer(cli, ...task);
    const roots = await cli.run(task);

    expect(again).toMatchObject({ code: 0, stdout: 'built\n' });
    expect(reset.code).toBe(0);
    expect(anew).toMatchObject({ code: 0, stdout: 'built\n' });
    expect(roots).toMatchObject({ code: 0, stdout: 'built\n' });
    expect(readFileSync(count, 'utf8')).toBe('ran\nran\n');
    expect(notHers(join(cli.home, 'once'))).toEqual([]);
  });

  it('writes through no link that she puts in the place of a record [X13]', async () => {
    const { store, hers, roots } = recordsOfHers();
    const target = join(roots, 'precious');
    for (const name of ['reserve', 'history', 'history.new', 'current.new', 'current', 'success'])
      symlinkSync(target, join(hers, name));

    await store.begin(currentRun());
    await store.publish(success(1), { value: 1 });
    store.remember({ run: 1, started: '2026-01-01T00:00:00Z', outcome: 'success' });

    expect(readFileSync(target, 'utf8')).toBe('precious');
    expect(readdirSync(roots)).toEqual(['precious']);
    expect(statSync(join(hers, 'success')).uid).toBe(ANN);
  });

  it('records nothing, and removes nothing, where a link in the place of the records leads [X13]', async () => {
    const { store, hers, roots } = recordsOfHers();
    await store.begin(currentRun());
    for (const name of ['failure', 'current', 'reserve']) writeFileSync(join(roots, name), 'precious');
    const before = readdirSync(roots);
    renameSync(hers, `${hers}.aside`);
    symlinkSync(roots, hers);

    await expect(store.publish(success(1), { value: 1 })).rejects.toMatchObject({
      code: 'HOLDFAST_UNRECORDED',
    });
    expect(() => store.note(currentRun())).toThrow(/ELOOP|ENOTDIR/);
    store.forget();

    expect(readdirSync(roots)).toEqual(before);
    expect(readFileSync(join(roots, 'current'), 'utf8')).toBe('precious');
  });
});

/** The records of a key in a directory of hers, and something of root's elsewhere. */
function recordsOfHers() {
  const home = tempDirectory();
  const [hers, roots] = [join(home, 'hers'), join(home, 'roots')];
  for (const path of [hers, roots]) mkdirSync(path);
  writeFileSync(join(roots, 'precious'), 'precious');
  chownSync(hers, ANN, ANN);
  return { store: new Store(hers, 'build', 'functions'), hers, roots };
}

describe('the scratch directory of a doctor that root asks about the directory of another user', () => {
  function setUp() {
    const home = tempDirectory();
    const [hers, roots] = [join(home, 'hers'), join(home, 'roots')];
    for (const path of [hers, roots]) mkdirSync(path);
    writeFileSync(join(roots, 'time'), 'precious');
    chownSync(hers, ANN, ANN);
    const scratch = nameScratch(hers);
    makeScratch(scratch);
    const swap = (what: (place: string) => void) => {
      renameSync(scratch, `${scratch}.aside`);
      what(scratch);
    };
    return { roots, scratch, swap };
  }

  it('stays the same one to the end of the trial, whatever is put in its place [X13]', async () => {
    const { roots, scratch, swap } = setUp();

    await inScratch(scratch, async (path) => {
      swap((place) => symlinkSync(roots, place));
      writeFileSync(join(path, 'time'), '');
    });

    expect(readFileSync(join(roots, 'time'), 'utf8')).toBe('precious');
    expect(readdirSync(`${scratch}.aside`)).toEqual(['time']);
  });

  it('is not tried out, nor removed, when something of hers stands in its place [X13]', async () => {
    const { roots, scratch, swap } = setUp();
    swap((place) => {
      mkdirSync(place);
      chownSync(place, ANN, ANN);
      symlinkSync(join(roots, 'time'), join(place, 'time'));
    });

    await expect(inScratch(scratch, async () => {})).rejects.toThrow('was replaced by another user');
    removeScratch(scratch);

    expect(readdirSync(scratch)).toEqual(['time']);
  });
});
