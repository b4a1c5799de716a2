import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import { makeFifo } from '../support/tool.ts';
import { Guarded } from './guarded.ts';

const RULES = `operations:
  save: { command: mirror save **, uses: mirror }
  outer: { command: mirror --in **, uses: mirror }
  others: { command: ['{one,two} **', './local **', '* --any'], uses: other }
`;

/** A project whose wrappers come first in PATH. */
async function shimmed(rules = RULES): Promise<Guarded> {
  const cli = new Guarded(rules);
  expect((await cli.run(['guard', '--shim', '../shims', 'mirror'], { cwd: cli.project })).code).toBe(0);
  return cli;
}

/** Runs a command by its name, as a shell would. */
function byName(cli: Guarded, directories: readonly string[], args: readonly string[]): Child {
  const PATH = [...directories.map((name) => join(cli.home, name)), process.env.PATH].join(delimiter);
  return cli.program('mirror', args, { env: { PATH }, cwd: cli.home });
}

describe('wrappers', () => {
  it('are written for the commands that rules name, and say what to do next [A2]', async () => {
    const cli = new Guarded(RULES);
    const { code, stdout } = await cli.run(['guard', '--shim', '../shims'], { cwd: cli.project });
    const directory = join(cli.home, 'shims');
    expect(code).toBe(0);
    expect(stdout).toBe(
      `mirror, one, two: wrapped in ${directory}. Put it first in PATH:\n  export PATH=${directory}:"$PATH"\n`,
    );
    for (const tool of ['mirror', 'one', 'two']) {
      expect(existsSync(join(directory, tool))).toBe(true);
      const windows = readFileSync(join(directory, `${tool}.cmd`), 'utf8');
      expect(windows).toMatch(/^@echo off\r\n/);
      expect(windows).toContain(
        `guard --rules "${cli.project}/holdfast.yaml" --behind "%~dp0." -- ${tool} %*\r\n`,
      );
    }
    expect((await cli.run(['guard', '--shim', '../shims'], { cwd: cli.project })).code).toBe(0);
  });

  it('let the name of a tool apply the rules, from any directory [A2, A3]', async () => {
    const cli = await shimmed();
    const first = byName(cli, ['shims', 'bin'], ['save', '--hold']);
    await first.says(/^start save --hold/);
    expect(await byName(cli, ['shims', 'bin'], ['save']).exits()).toMatchObject({
      code: 75,
      stdout: '',
      stderr: expect.stringContaining('mirror is held by "mirror save --hold"'),
    });
    expect(await byName(cli, ['shims', 'bin'], ['help']).exits()).toMatchObject({ code: 0, stderr: '' });
    await first.finish();
  });

  it('find the tool later in PATH, also behind wrappers elsewhere, links to themselves and the same directory again', async () => {
    const cli = await shimmed();
    await cli.run(['guard', '--shim', '../more-shims', 'mirror'], { cwd: cli.project });
    cli.write('links/.keep', '');
    symlinkSync(join(cli.home, 'shims/mirror'), join(cli.home, 'links/mirror'));
    for (const path of [
      ['shims', 'more-shims', 'bin'],
      ['more-shims', 'shims', 'bin'],
      ['shims', 'links', 'shims', 'bin'],
      ['links', 'shims', 'more-shims', 'shims', 'bin'],
      ['shims', 'bin', 'shims'],
      ['more-shims', 'links', 'bin'],
    ]) {
      expect(await byName(cli, path, ['save', 'x']).exits(), path.join()).toMatchObject({
        code: 0,
        stdout: 'start save x\nend save x\n',
        stderr: '',
      });
    }
  });

  it('let a tool call itself by its name, under the locks it has [A5]', async () => {
    const cli = await shimmed();
    expect(await byName(cli, ['shims', 'bin'], ['--in', 'mirror', 'save']).exits()).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('end save\n'),
    });
  });

  it('end with 127 when there is no tool behind them', async () => {
    const cli = await shimmed();
    expect(await byName(cli, ['shims'], ['save']).exits()).toMatchObject({
      code: 127,
      stderr: `holdfast: mirror: command not found later in PATH than its wrapper in ${join(cli.home, 'shims')}\n`,
    });
  });

  it('end with an error when their rules are gone or broken, and run nothing [R82]', async () => {
    const cli = await shimmed();
    const path = cli.write('project/holdfast.yaml', 'operations:\n  save: { comand: mirror }\n');
    expect(await byName(cli, ['shims', 'bin'], ['save']).exits()).toMatchObject({
      code: 125,
      stdout: '',
      stderr: `holdfast: project/holdfast.yaml:2:11: "save" has no key "comand"; did you mean "command"?\n2 |   save: { comand: mirror }\n  |           ^\n`,
    });
    expect(path).toContain('project');
  });

  it('never replace a file that is none, and then write nothing [R82]', async () => {
    const cli = new Guarded(RULES);
    const path = cli.write('shims/two', '#!/bin/sh\necho mine\n');
    const { code, stderr } = await cli.run(['guard', '--shim', '../shims'], { cwd: cli.project });
    expect(code).toBe(125);
    expect(stderr).toContain(`${path} is no wrapper of holdfast and is left as it is; nothing was written`);
    expect(existsSync(join(cli.home, 'shims/mirror'))).toBe(false);
  });

  it('wait for nobody at a FIFO in the place of one, and leave it [R82]', async () => {
    const cli = new Guarded(RULES);
    mkdirSync(join(cli.home, 'shims'));
    makeFifo(join(cli.home, 'shims/two'));
    const { code, stderr } = await cli.run(['guard', '--shim', '../shims'], { cwd: cli.project });
    expect({ code, stderr }).toEqual({
      code: 125,
      stderr: expect.stringContaining('is no wrapper of holdfast'),
    });
  });

  it.each(['holdfast.yaml', '/proc/holdfast'])(
    'are not written to %s, which is no directory and cannot become one [R82]',
    async (place) => {
      const cli = new Guarded(RULES);
      const { code, stderr } = await cli.run(['guard', '--shim', place], { cwd: cli.project });
      expect(code).toBe(125);
      expect(stderr).toMatch(
        /^holdfast: (wrappers cannot be written to .*|.* cannot be read) \(E[A-Z]+\); .*\n$/,
      );
      expect(stderr).toContain(place);
    },
  );

  it.each(['a/b', '..', 'a"b', 'a%b', 'a\nb'])(
    'are not made for %j, which is no name of a command [R82]',
    async (tool) => {
      const cli = new Guarded(RULES);
      const { code, stderr } = await cli.run(['guard', '--shim', 'shims', tool], { cwd: cli.project });
      expect(code).toBe(125);
      expect(stderr).toMatch(/TOOL must be the plain name of a command/);
      expect(existsSync(join(cli.project, 'shims'))).toBe(false);
    },
  );
});
