import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDocument, updateFile } from 'holdfast/document';
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

it('keeps the owner of the file when root saves it [D11]', async () => {
  needsRoot();
  const { document, path } = await opened();
  chownSync(path, 65_534, 61_234);
  chmodSync(path, 0o640);
  await document.update(raise);
  const { uid, gid, mode } = statSync(path);
  expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 65_534, gid: 61_234, mode: 0o640 });
});
