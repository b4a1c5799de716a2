import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { openDocument, updateFile, updateJson } from 'holdfast/document';
import { describe, expect, it } from 'vitest';
import { within } from '../support/deadline.ts';
import { bindMountFile, fill, smallDisk } from '../support/disk.ts';
import { needsRoot } from '../support/root.ts';
import { memoryDirectory } from '../support/temp.ts';
import { type Counter, opened, raise } from './opened.ts';

describe('what stands at the path of a document and is no file', () => {
  it.each([
    ['a FIFO', ['mkfifo', 'roles.json']],
    ['a device', ['mknod', 'roles.json', 'c', '1', '5']],
  ] as const)(
    'is a typed error at once, and is not waited for: %s [D37]',
    async (_what, [command, ...words]) => {
      const directory = memoryDirectory();
      execFileSync(command, words, { cwd: directory });
      const path = join(directory, 'roles.json');
      await expect(within(openDocument(path), 'opening it')).rejects.toMatchObject({
        code: 'HOLDFAST_UNREADABLE',
      });
      await expect(within(updateFile(path, String), 'its edit')).rejects.toMatchObject({
        code: 'HOLDFAST_UNREADABLE',
      });
      symlinkSync('roles.json', join(directory, 'link.json'));
      await expect(updateFile(join(directory, 'link.json'), String)).rejects.toMatchObject({
        code: 'HOLDFAST_UNREADABLE',
      });
      expect(readdirSync(directory).sort()).toEqual(['link.json', 'roles.json']); // no lock file, such as in /dev
    },
  );
});

it('a full disk refuses an update, and leaves every byte of the document and its backups, and a save goes on when there is room [D30]', async () => {
  const { disk } = smallDisk('size=256k');
  const path = join(disk, 'roles.json');
  writeFileSync(path, '{ "a": 0 }');
  const document = await openDocument<Counter>(path, { backups: { interval: 0 } });
  await document.update(raise);
  fill(disk);
  const contents = () =>
    readdirSync(disk)
      .filter((name) => name.startsWith('roles.json'))
      .map((name) => [name, readFileSync(join(disk, name), 'utf8')]);
  const before = contents();
  expect(before).toHaveLength(2);
  const large = (draft: Counter) => void Object.assign(draft, { fill: 'x'.repeat(20_000) });
  await expect(document.update(large)).rejects.toMatchObject({
    code: 'HOLDFAST_NOT_WRITTEN',
    cause: { code: 'ENOSPC' },
    message: `${path} was not written: ENOSPC. Make room on the disk.`,
  });
  document.edit(large);
  await expect(document.save()).rejects.toMatchObject({ cause: { code: 'ENOSPC' } });
  expect(contents()).toEqual(before);
  expect(readdirSync(disk).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect(document.hasUnsaved).toBe(true);
  writeFileSync(join(disk, 'filler'), '');
  await document.save();
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(document.read());
  await document.close();
});

it('a full disk that has no room for a copy of what conflicts is named, with what helps, and nothing is lost [D30, R82]', async () => {
  const { disk } = smallDisk('size=256k');
  const path = join(disk, 'roles.json');
  writeFileSync(path, '{ "a": 0 }');
  const document = await openDocument<Counter>(path);
  document.edit((draft) => void Object.assign(draft, { a: 1 }));
  writeFileSync(path, '{ "a": 2 }');
  fill(disk);
  await expect(document.save()).rejects.toMatchObject({
    code: 'HOLDFAST_CONFLICT',
    file: undefined,
    cause: { code: 'ENOSPC' },
    message: expect.stringContaining(
      'in memory alone, for no copy could be made (ENOSPC). Make room on the disk; then call save() to have a copy',
    ),
  });
  expect(document.read()).toMatchObject({ a: 1 });
  writeFileSync(join(disk, 'filler'), '');
  await expect(document.save()).rejects.toMatchObject({
    code: 'HOLDFAST_CONFLICT',
    file: expect.stringContaining('conflict'),
  });
  await document.reload({ edits: 'drop' });
  await document.close();
});

it('a file that is mounted by itself is written, after a backup of it, and that is told [D33]', async () => {
  const home = memoryDirectory();
  const [source, path] = [join(home, 'source.json'), join(home, 'roles.json')];
  writeFileSync(source, '{ "a": 0, "fill": "longer than what follows" }');
  bindMountFile(source, path);
  const document = await openDocument<Counter>(path);
  const told: string[] = [];
  document.on('degraded', ({ reason }) => told.push(reason));
  await document.update(() => ({ a: 1 }));
  await document.update(raise);
  expect(JSON.parse(readFileSync(source, 'utf8'))).toEqual({ a: 2 });
  expect(told).toEqual(['in-place']);
  const backups = readdirSync(home).filter((name) => name.endsWith('.bak'));
  const texts = backups.map((name) => readFileSync(join(home, name), 'utf8'));
  expect(texts).toContain('{ "a": 0, "fill": "longer than what follows" }');
  expect(readdirSync(home).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  await document.close();
});

describe('the copy of a file that is mounted by itself', () => {
  it('is gone once the new text is on the disk, and backups are as many as of any other file [D29, D33]', async () => {
    const home = memoryDirectory();
    const [source, path] = [join(home, 'source.json'), join(home, 'roles.json')];
    writeFileSync(source, '{ "a": 0 }');
    bindMountFile(source, path);
    const backups = () => readdirSync(home).filter((name) => name.endsWith('.bak'));
    for (let turn = 0; turn < 3; turn++) await updateJson<Counter>(path, raise);
    expect(backups()).toEqual([]);
    const document = await openDocument<Counter>(path);
    for (let turn = 0; turn < 3; turn++) await document.update(raise);
    expect(document.backups()).toMatchObject([{ reason: 'save' }]);
    const [only = ''] = backups();
    expect(readFileSync(join(home, only), 'utf8')).toBe('{ "a": 3 }');
    await document.close();
    writeFileSync(source, '{ "a": 3 }');
    await updateJson<Counter>(path, raise); // a backup that has the same text is no copy of this write
    expect(backups()).toEqual([only]);
  });

  it('stays where the write fails, and says why it was made [D30, D33]', async () => {
    const { disk, home } = smallDisk('size=64k');
    const [source, path] = [join(disk, 'source.json'), join(home, 'roles.json')];
    writeFileSync(source, '{ "a": 0 }');
    bindMountFile(source, path);
    const document = await openDocument<Counter>(path, { backups: false });
    fill(disk);
    const large = (draft: Counter) => void Object.assign(draft, { fill: 'x'.repeat(20_000) });
    await expect(document.update(large)).rejects.toMatchObject({ cause: { code: 'ENOSPC' } });
    const [copy, ...more] = document.backups();
    expect([copy?.reason, more]).toEqual(['overwrite', []]);
    expect(readFileSync(join(home, copy?.name ?? ''), 'utf8')).toBe('{ "a": 0 }');
    await document.close();
  });
});

it('keeps the owner of the file when root saves it [D11]', async () => {
  needsRoot();
  const { document, path } = await opened();
  chownSync(path, 65_534, 61_234);
  chmodSync(path, 0o640);
  await document.update(raise);
  const { uid, gid, mode } = statSync(path);
  expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 65_534, gid: 61_234, mode: 0o640 });
});
