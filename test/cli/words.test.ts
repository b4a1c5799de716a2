import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileResource } from '../../src/lock/resource.ts';
import { Cli } from './cli.ts';

/** A command line in a directory that has a file. */
function beside(name: string) {
  const cli = new Cli();
  const cwd = join(cli.home, 'project');
  const file = join(cwd, name);
  mkdirSync(cwd);
  writeFileSync(file, '');
  return { cli, cwd, file };
}

describe('a word of the command line', () => {
  it('is a file under --file, for every command that takes locks as words [X10]', async () => {
    const { cli, cwd, file } = beside('package.json');
    await cli.hold(file);
    const call = (...args: string[]) => cli.run(args, { cwd });

    expect((await call('run', '-n', '--file', 'package.json', '--', 'true')).code).toBe(75);
    expect((await call('run', '-n', '--name', 'package.json', '--', 'true')).code).toBe(0);
    expect((await call('who', '--file', 'package.json')).code).toBe(0);
    const late = await call('wait', '-w', '0', '--file', 'package.json');
    expect(late.code).toBe(124);
    expect(await call('clean', '--file', 'package.json')).toMatchObject({
      code: 0,
      stdout: `nothing to clean in ${fileResource(file).path}\n`,
    });
    expect((await call('break', '--kill', '--yes', '--file', 'package.json')).code).toBe(0);
    expect((await call('who', '--file', 'package.json')).code).toBe(1);
  });

  it.each(['.', '..'])('is no name when it is %s, unless that is said [X10]', async (word) => {
    const { cli, cwd } = beside('package.json');
    for (const args of [
      ['run', word, '--', 'echo', 'ran'],
      ['wait', word],
      ['who', word],
      ['break', '--kill', word],
    ]) {
      const { code, stdout, stderr } = await cli.run(args, { cwd });
      expect([code, stdout]).toEqual([125, '']);
      expect(stderr).toMatch(/^holdfast: NAME must not be "\.\.?": pass --file .*, --name /);
    }
    expect((await cli.run(['run', '--name', word, '--', 'true'], { cwd })).code).toBe(0);
    expect((await cli.run(['who', '--file', word], { cwd })).stdout).toBe(`${word} is free\n`);
  });

  it('is not a name and a file at once [X10]', async () => {
    const { code, stderr } = await new Cli().run(['who', '--file', '--name', 'x']);
    expect(code).toBe(125);
    expect(stderr).toContain("'--file' cannot be used with option '--name'");
  });

  it('that is also a file gets one line about it, on a terminal alone [X10]', async () => {
    const { cli, cwd } = beside('package.json');
    const line =
      /holdfast: package\.json is a name here, not the file; for the file, pass --file or \.\/package\.json/;
    const args = ['wait', 'package.json', 'other'];

    expect((await cli.onTerminal(args, { cwd }).exits()).stdout.split(line)).toHaveLength(2);
    expect((await cli.onTerminal(['wait', '--name', 'package.json'], { cwd }).exits()).stdout).toBe('');
    expect(await cli.run(args, { cwd })).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('missing directories of a file that is locked', () => {
  it('are made, and one line says so [X10, G13]', async () => {
    const { cli, cwd } = beside('package.json');
    const args = ['run', 'dta/deep/roles.json', '--', 'echo', 'ran'];

    const first = await cli.run(args, { cwd });
    expect(first).toMatchObject({ code: 0, stdout: 'ran\n' });
    const directory = join(cwd, 'dta');
    expect(first.stderr).toBe(
      `holdfast: made the directory ${directory} for the lock of dta/deep/roles.json: there was none\n`,
    );
    expect(await cli.run(args, { cwd })).toMatchObject({ code: 0, stderr: '' });
    const told = await cli.run(['run', '--json', 'other/roles.json', '--', 'true'], { cwd });
    expect(JSON.parse(told.stderr)).toMatchObject({ event: 'directory-made', directory: join(cwd, 'other') });
  });
});
