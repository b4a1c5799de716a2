import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileResource } from '../../src/lock/resource.ts';
import { Guarded } from './guarded.ts';

const RULES = 'operations: { save: { command: mirror save **, uses: mirror } }';

describe('the scope', () => {
  it('project keeps projects apart, and the message says where to look [A2, A4]', async () => {
    const cli = new Guarded(`defaults: { scope: project }\n${RULES}`);
    const holder = await cli.busy('mirror save');
    const { stderr } = await cli.guard('mirror save');
    expect(stderr).toContain(
      'Look: holdfast guard --explain -- mirror save · wait: holdfast guard --policy wait -- mirror save.',
    );
    expect((await cli.guard('mirror save', '--explain')).stdout).toContain(
      `held by "mirror save --hold" (pid ${holder.pid}`,
    );
    const elsewhere = ['guard', '--rules', join(cli.project, 'holdfast.yaml'), '--', 'mirror', 'save'];
    const flags = `--rules ${cli.project}/holdfast.yaml -- mirror save`;
    expect((await cli.run(elsewhere, { cwd: '/' })).stderr).toContain(
      `Look: holdfast guard --explain ${flags} · wait: holdfast guard --policy wait ${flags}.`,
    );
    expect((await cli.run(elsewhere, { cwd: cli.project })).stderr).toContain(
      'Look: holdfast guard --explain -- mirror',
    );
    cli.write('other/holdfast.yaml', readFileSync(join(cli.project, 'holdfast.yaml'), 'utf8'));
    const other = { cwd: join(cli.home, 'other') };
    expect((await cli.run(['guard', '--', 'mirror', 'save'], other)).code).toBe(0);
    expect(readdirSync(cli.project)).toEqual(['holdfast.yaml']);
    await holder.finish();
  });

  it('project has one place, by whatever path its rules are reached [A2]', async () => {
    const cli = new Guarded(`defaults: { scope: project }\n${RULES}`);
    const link = join(cli.home, 'link');
    symlinkSync(cli.project, link);
    const holder = await cli.busy('mirror save');

    const { code } = await cli.guard('mirror save', '--rules', join(link, 'holdfast.yaml'));

    expect(code).toBe(75);
    await holder.finish();
  });

  it('project in the user’s own rules means the project around the working directory [A2]', async () => {
    const cli = new Guarded('');
    cli.write('config/holdfast/holdfast.yaml', `defaults: { scope: project }\n${RULES}`);
    cli.write('one/package.json', '{}');
    cli.write('two/package.json', '{}');
    cli.write('nowhere/file', '');
    const at = (name: string) => cli.run(['guard', '--', 'mirror', 'save'], { cwd: join(cli.home, name) });
    const words = ['guard', '--', 'mirror', 'save', '--hold'];
    const holder = cli.start(words, { cwd: join(cli.home, 'one') });
    await holder.says(/^start /);

    expect((await at('one')).code).toBe(75);
    expect(await at('two')).toMatchObject({ code: 0, stderr: '' });
    expect(await at('nowhere')).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/scope is "project", but /),
    });
    await holder.finish();
  });

  it('is for the command line to replace, with a directory [A2]', async () => {
    const cli = new Guarded(RULES);
    const directory = join(cli.home, 'elsewhere');
    const holder = await cli.busy('mirror save', '--directory', directory);
    expect((await cli.guard('mirror save', '--directory', directory)).stderr).toContain(
      `who --directory ${directory} mirror`,
    );
    expect((await cli.guard('mirror save')).code).toBe(0);
    await holder.finish();
  });

  it('of a file is the file: its lock lies beside it [A2]', async () => {
    const cli = new Guarded(
      'resources: { index: { file: data/index.json } }\noperations: { save: { command: mirror save **, uses: index } }',
    );
    cli.write('project/data/index.json', '{}');
    const holder = await cli.busy('mirror save');
    expect(existsSync(fileResource(join(cli.project, 'data/index.json')).path)).toBe(true);
    const file = join(cli.project, 'data/index.json');
    expect((await cli.run(['run', '-n', file, '--', 'true'])).code).toBe(75);
    expect((await cli.guard('mirror save')).stderr).toContain(
      `holdfast who ${file} · wait: holdfast wait ${file}.`,
    );
    await holder.finish();
  });
});
