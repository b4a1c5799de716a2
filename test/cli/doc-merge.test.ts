import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tool } from '../support/tool.ts';
import { Cli, main } from './cli.ts';

const BASE =
  '{\n\t"roles": [\n\t\t{ "id": 1, "name": "reader" },\n\t\t{ "id": 2, "name": "author" }\n\t],\n\t"size": 1.0\n}\n';

function prepared(ours: string, theirs: string, base = BASE) {
  const cli = new Cli();
  const paths = { base, ours, theirs };
  for (const [name, text] of Object.entries(paths)) writeFileSync(join(cli.home, name), text);
  const files = Object.keys(paths).map((name) => join(cli.home, name));
  return {
    cli,
    files,
    merged: (...args: string[]) => cli.start(['doc', 'merge', ...args, ...files]).exits(),
  };
}

describe('holdfast doc merge', () => {
  it('prints the merged text in the format of ours, and ends with 0 [R38]', async () => {
    const { merged } = prepared(
      BASE.replace('reader', 'guest'),
      JSON.stringify(JSON.parse(BASE.replace('author', 'lead'))),
    );
    const expected = BASE.replace('reader', 'guest').replace('author', 'lead');
    expect(await merged()).toMatchObject({ code: 0, stdout: expected, stderr: '' });
  });

  it('tells of each conflict on standard error, and ends with 1 [R37, R82]', async () => {
    const { merged } = prepared(BASE.replace('reader', 'guest'), BASE.replace('reader', 'lead'));
    const { code, stdout, stderr } = await merged();
    expect([code, stdout]).toEqual([1, BASE.replace('reader', 'guest')]);
    expect(stderr).toContain(
      'conflict: roles[id=1].name: both changed it\n  base    "reader"\n  ours    "guest"\n  theirs  "lead"\n',
    );
    const { stdout: json } = await merged('--json');
    expect(JSON.parse(json)).toMatchObject({
      clean: false,
      conflicts: [{ kind: 'edit-edit', path: ['roles', { id: 1 }, 'name'], text: 'roles[id=1].name' }],
    });
  });

  it.each([
    [
      ['--strategy', 'a'],
      '--strategy must look like \'stock[].count=sum\', got "a". See holdfast doc merge --help',
    ],
    [['--bogus'], "unknown option '--bogus'. See holdfast doc merge --help"],
    [['--strategy', 'a=bogus'], 'bogus'],
  ])('ends with 2 and prints nothing when an option is wrong: %j [X50]', async (options, says) => {
    const { merged } = prepared(BASE, BASE);
    const { code, stdout, stderr } = await merged(...options);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
  });

  it('takes strategies by pattern, volatile members and identities as options', async () => {
    const of = (n: number, at: number) => JSON.stringify({ a: [{ uid: 1, n, at }] });
    const { merged } = prepared(of(3, 2), of(5, 3), of(1, 1));
    const options = ['--strategy', 'a[].n=sum', '--volatile', 'at', '--identity', 'uid'];
    expect(await merged(...options)).toMatchObject({ code: 0, stdout: of(7, 3) });
  });

  it.each([
    ['a file is not JSON', '{"a": 1,}', /^holdfast: \S+\/theirs is not JSON\. Line 1, column 8/],
    ['a member stands twice', '{"a": 1, "a": 2}', /theirs is not JSON/],
    ['a file is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), /theirs cannot be read/],
    ['a file is empty', '', /theirs is not JSON/],
  ])('ends with 2 and prints nothing when %s', async (_, theirs, message) => {
    const { cli, merged } = prepared(BASE, '');
    writeFileSync(join(cli.home, 'theirs'), theirs);
    const { code, stdout, stderr } = await merged();
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  it('ends with 2 when a file is missing or a strategy unknown, and takes an empty base for none', async () => {
    const { cli, files, merged } = prepared('{"a":1}', '{"b":1}', '');
    expect(await merged()).toMatchObject({ code: 0, stdout: '{"a":1,"b":1}' });
    expect(await merged('--strategy', 'a=som')).toMatchObject({ code: 2, stderr: /did you mean "sum"/ });
    const missing = await cli.start(['doc', 'merge', ...files.slice(0, 2), join(cli.home, 'gone')]).exits();
    expect(missing).toMatchObject({ code: 2, stderr: /gone cannot be read: ENOENT/ });
  });
});

describe('as the merge driver of git', () => {
  /** A repository in which two branches have edited one file; merges them. */
  function mergeBranches(ours: string, theirs: string) {
    const cli = new Cli();
    const bin = join(cli.home, 'bin');
    const cwd = join(cli.home, 'repository');
    for (const folder of [bin, cwd]) mkdirSync(folder);
    writeFileSync(join(bin, 'holdfast'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
    chmodSync(join(bin, 'holdfast'), 0o755);
    const env = { ...cli.env, PATH: `${bin}:${process.env.PATH}`, HOME: cli.home, GIT_CONFIG_NOSYSTEM: '1' };
    const git = (...args: string[]) =>
      tool('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd, env });
    const commit = (text: string) => {
      writeFileSync(join(cwd, 'roles.json'), text);
      git('add', '.');
      git('commit', '-qm', 'an edit');
    };
    git('init', '-qb', 'main');
    git('config', 'merge.holdfast.name', 'JSON by records');
    git('config', 'merge.holdfast.driver', 'holdfast doc merge --driver %O %A %B %P');
    writeFileSync(join(cwd, '.gitattributes'), '*.json merge=holdfast\n');
    commit(BASE);
    git('checkout', '-qb', 'theirs');
    commit(theirs);
    git('checkout', '-q', 'main');
    commit(ours);
    const merging = cli.program('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', 'merge', 'theirs'], {
      cwd,
      env,
    });
    return { git, merging, file: () => readFileSync(join(cwd, 'roles.json'), 'utf8') };
  }

  it('merges branches cleanly that edit neighbouring records, which git by itself does not [R38, R80]', async () => {
    const { git, merging, file } = mergeBranches(
      BASE.replace('reader', 'guest'),
      BASE.replace('author', 'lead'),
    );
    expect(await merging.exits()).toMatchObject({ code: 0 });
    expect(file()).toBe(BASE.replace('reader', 'guest').replace('author', 'lead'));
    expect(git('status', '--porcelain')).toBe('');
  });

  it('leaves a conflict that git reports where both changed one value, and valid JSON in the file [R37]', async () => {
    const { git, merging, file } = mergeBranches(
      BASE.replace('reader', 'guest'),
      BASE.replace('reader', 'lead'),
    );
    const { code, stdout, stderr } = await merging.exits();
    expect(code).toBe(1);
    expect(stdout).toContain('CONFLICT (content): Merge conflict in roles.json');
    expect(stderr).toContain('holdfast: roles.json: a conflict');
    expect(git('status', '--porcelain')).toContain('UU roles.json');
    expect(file()).toBe(BASE.replace('reader', 'guest'));
  });

  it('leaves a conflict, and ours in the file, when theirs is not JSON', async () => {
    const { merging, file } = mergeBranches(BASE.replace('reader', 'guest'), `${BASE}}`);
    const { code, stderr } = await merging.exits();
    expect(code).toBe(1);
    expect(stderr).toContain('roles.json (theirs) is not JSON');
    expect(file()).toBe(BASE.replace('reader', 'guest'));
  });
});
