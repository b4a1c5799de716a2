import {
  chmodSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { openDocument } from 'holdfast/document';
import { describe, expect, it } from 'vitest';
import type { Ending } from '../support/child.ts';
import { within } from '../support/deadline.ts';
import { memoryDirectory } from '../support/temp.ts';
import { Cli } from './cli.ts';
import { CTRL_D } from './terminal.ts';

/** A document of which a version could not be saved: `a` is 1 there, and 2 in the file. */
async function unresolved() {
  const cli = new Cli();
  const file = join(cli.home, 'roles.json');
  writeFileSync(file, '{ "a": 0, "b": 0 }\n');
  const document = await openDocument<{ a: number; b: number }>(file);
  document.edit((draft) => {
    draft.a = 1;
    draft.b = 1;
  });
  writeFileSync(file, '{ "a": 2, "b": 0 }\n');
  await document.save().catch(() => {});
  await document.close();
  const text = () => readFileSync(file, 'utf8');
  const files = (end: string) => readdirSync(cli.home).filter((name) => name.endsWith(end));
  const doc = (command: string, ...rest: readonly string[]) => cli.run(['doc', command, file, ...rest]);
  return { cli, file, text, files, doc };
}

describe('doc resolve', () => {
  it('asks on a terminal, writes what was chosen with what both agree on, and says how to undo it [R8, R38, R82]', async () => {
    const { cli, file, text, files, doc } = await unresolved();
    const resolving = cli.onTerminal(['doc', 'resolve', file]);
    await resolving.says(/1 of 1: a \(both changed it\)[\s\S]*mine {4}1[\s\S]*\? explains: /);
    resolving.write('m\n');
    await resolving.says(/ {2}a: 2 → 1\r\n {2}b: 0 → 1\r\n[\s\S]*Write this\?[\s\S]*everything: /);
    resolving.write('y\n');
    const [, undo = ''] = await resolving.says(/to undo that: holdfast (.*?)\r?\n/);
    expect((await resolving.exits()).code).toBe(0);
    expect([text(), files('.conflict')]).toEqual(['{ "a": 1, "b": 1 }\n', []]);
    expect((await cli.run(undo.split(' '))).code).toBe(0);
    expect(text()).toBe('{ "a": 2, "b": 0 }\n');
    expect(await doc('resolve')).toMatchObject({ code: 0, stderr: expect.stringContaining('no conflicts') });
  });

  it('leaves everything at the end of the input, and exits with 1', async () => {
    const { cli, file, text, files } = await unresolved();
    const resolving = cli.onTerminal(['doc', 'resolve', file]);
    await resolving.says(/\? explains: /);
    resolving.write(CTRL_D);
    await resolving.says(/nothing was written, and the conflict stays/);
    expect((await resolving.exits()).code).toBe(1);
    expect([text(), files('.conflict').length]).toEqual(['{ "a": 2, "b": 0 }\n', 1]);
  });

  it('ends by Ctrl-C as any other command does, and leaves everything [X37]', async () => {
    const { cli, file, text, files } = await unresolved();
    const resolving = cli.onTerminal(['doc', 'resolve', file]);
    await resolving.says(/\? explains: /);
    resolving.write('\u0003');
    expect((await resolving.exits()).code).toBe(256 - constants.signals.SIGINT); // as who runs it on a terminal tells it
    expect([text(), files('.conflict').length]).toEqual(['{ "a": 2, "b": 0 }\n', 1]);
  });

  it('says in JSON that there is no conflict, with --ours too [R82]', async () => {
    const { doc, file } = await unresolved();
    await doc('resolve', '--ours');
    for (const option of ['--ours', '--theirs', '--json']) {
      const { code, stdout } = await doc('resolve', option, '--json');
      expect([code, JSON.parse(stdout)]).toEqual([0, { file, unresolved: [] }]);
    }
  });

  it('without a terminal tells of the conflicts, writes nothing, and exits with 1; with an option it chooses', async () => {
    const { text, doc } = await unresolved();
    const told = await doc('resolve');
    expect(told).toMatchObject({ code: 1, stderr: expect.stringContaining('--ours or --theirs') });
    expect(told.stdout).toMatch(
      /1 conflict with a version of [\s\S]* before {2}0\n {4}mine {4}1\n {4}theirs {2}2\n/,
    );
    const json = await doc('resolve', '--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout).unresolved[0].conflicts).toMatchObject([
      { text: 'a', ours: 1, theirs: 2 },
    ]);
    expect(text()).toBe('{ "a": 2, "b": 0 }\n');
    expect(await doc('resolve', '--theirs')).toMatchObject({ code: 0, stderr: '' });
    expect(text()).toBe('{ "a": 2, "b": 1 }\n');
  });

  it('of a document that is damaged exits with 2, and touches nothing', async () => {
    const { file, text, doc, files } = await unresolved();
    writeFileSync(file, '{');
    expect(await doc('resolve', '--ours')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is not JSON'),
    });
    expect([text(), files('.conflict').length]).toEqual(['{', 1]);
  });
});

describe('doc backups and doc restore', () => {
  it('list what there is and why, and restore any of it, with what is there kept first [B5, B6]', async () => {
    const { file, text, files, doc } = await unresolved();
    expect((await doc('backups')).stderr).toMatch(/has no backups/);
    expect(await doc('restore')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/json has no whole backup [\w ]+\. Nothing was done\. See them: /),
    });
    await doc('resolve', '--ours');
    const listed = await doc('backups');
    expect(listed.stdout).toMatch(/^BACKUP .*\n(roles\.json\.\S+\.bak {2}.*\n){2}$/);
    expect(listed.stdout).toMatch(/before a conflict was resolved[\s\S]*a version that was not saved/);
    const { backups } = JSON.parse((await doc('backups', '--json')).stdout);
    const { name } = backups.find(({ reason }: { reason: string }) => reason === 'resolve');
    writeFileSync(file, '{ "a": 7,');
    const { code, stdout } = await doc('restore', name);
    expect([code, text()]).toEqual([0, '{ "a": 2, "b": 0 }\n']);
    expect(stdout).toMatch(
      /is restored from roles\.json\.\S+\.bak \(.*\)\nthe damaged file is kept as (\S+\.corrupt)\n$/,
    );
    expect(files('.corrupt')).toHaveLength(1);
    expect(await doc('restore', 'roles.json')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('doc backups'),
    });
  });

  it('take a backup by its name, or by a path to it, and refuse one that lies elsewhere, also under that name [B5, R82]', async () => {
    const { file, text, doc } = await unresolved();
    await doc('resolve', '--ours');
    const { backups } = JSON.parse((await doc('backups', '--json')).stdout);
    const { name } = backups.find(({ reason }: { reason: string }) => reason === 'resolve');
    const before = text();
    const elsewhere = join(memoryDirectory(), name);
    writeFileSync(elsewhere, '{ "a": 9 }');
    for (const other of [elsewhere, join('..', name), join(dirname(file), 'none', name)]) {
      const { code, stderr } = await doc('restore', other);
      expect([code, stderr]).toEqual([1, expect.stringContaining('must be the name of a whole backup')]);
    }
    expect(text()).toBe(before);
    expect(await doc('restore', join(dirname(file), name))).toMatchObject({ code: 0 });
    expect(text()).toBe('{ "a": 2, "b": 0 }\n');
  });
});

it('doc restore and doc set end with 125 for what cannot be a document, or be read [B5, D7, R82]', async () => {
  const { cli, file, doc } = await unresolved();
  const unreadable = async (run: Promise<Ending>, why: string) => {
    const { code, stderr } = await within(run, `the end of a command for a file that ${why}`);
    expect([code, stderr]).toEqual([125, expect.stringContaining(why)]);
  };
  await unreadable(cli.run(['doc', 'restore', cli.home]), 'is a directory');
  chmodSync(file, 0o600);
  chmodSync(dirname(file), 0o777);
  await unreadable(cli.asUser(65534, ['doc', 'restore', file]).finish(), 'cannot be read: EACCES');
  truncateSync(file, 67_108_865);
  await unreadable(doc('restore'), 'has 67108865 bytes');
  await unreadable(doc('set', 'a', '1'), 'has 67108865 bytes');
});

it('doc restore ends with 125 for a circle of links, as its siblings do [D9, R82]', async () => {
  const { cli, file, doc } = await unresolved();
  rmSync(file);
  symlinkSync(file, file);
  const { code, stderr } = await doc('restore');
  expect([code, stderr]).toEqual([125, expect.not.stringContaining('doc backups')]);
  expect(await cli.run(['doc', 'backups', file])).toMatchObject({ code: 125, stderr });
});

describe('doc watch', () => {
  it('tells each change by its place, that the file is damaged, gone and back, and never writes [R21, R82]', async () => {
    const { cli, file } = await unresolved();
    const watching = cli.start(['doc', 'watch', file]);
    await watching.says(/Ctrl-C ends it/, 'stderr');
    writeFileSync(`${file}.new`, '{ "a": 12345678901234567890, "b": 0 }');
    renameSync(`${file}.new`, file);
    await watching.says(/^\d\d:\d\d:\d\d {2}a: 2 → 12345678901234567890\n/);
    writeFileSync(file, '{,}');
    await watching.says(/roles\.json:1:2 is not JSON/);
    writeFileSync(file, '{ "a": 12345678901234567890, "b": 0 }');
    await watching.says(/the document is whole again\n/);
    renameSync(file, `${file}.away`);
    await watching.says(/the file is gone\n/);
    expect(await watching.kill('SIGTERM')).toMatchObject({
      signal: 'SIGTERM',
      stdout: expect.not.stringContaining('degraded'),
    });

    renameSync(`${file}.away`, file);
    const inJson = cli.start(['doc', 'watch', '--json', file]);
    await inJson.says(/"event":"watching"/);
    writeFileSync(file, '{ "a": 1, "b": 0 }');
    await inJson.says(
      /"event":"changed","changes":\[\{"path":"a","before":12345678901234567890,"after":1\}\]\}\n/,
    );
  });
});
