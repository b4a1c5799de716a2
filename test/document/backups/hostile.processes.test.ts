import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Backups } from '../../../src/document/backups/backups.ts';
import { Names } from '../../../src/document/backups/names.ts';
import { temporaryName } from '../../../src/document/file/names.ts';
import { Folder, placeOf } from '../../../src/document/file/place.ts';
import { Keeper } from '../../../src/document/keeper.ts';
import { fill, smallDisk } from '../../support/disk.ts';
import { needsRoot } from '../../support/root.ts';
import { tempDirectory } from '../../support/temp.ts';
import { makeFifo } from '../../support/tool.ts';

const DAY = 24 * 60 * 60 * 1000;
const NOBODY = 65_534;

function newDocument(directory = tempDirectory()) {
  const path = join(directory, 'roles.json');
  writeFileSync(path, '{}');
  const nameOf = (age: number) => new Names('roles.json', 'bak').at({ time: Date.now() - age, turn: 0 });
  return { directory, path, nameOf, backups: new Backups(path) };
}

const KINDS: Readonly<Record<string, (path: string, secret: string) => void>> = {
  'a link': (path, secret) => symlinkSync(secret, path),
  'a hard link': (path, secret) => linkSync(secret, path),
  'a FIFO': (path) => makeFifo(path),
  'a directory': (path) => mkdirSync(path),
};

describe('what stands under the name of a backup and is none', () => {
  it.each(Object.entries(KINDS))('is not read, waited for, followed or removed: %s', (_, put) => {
    const { directory, nameOf, backups } = newDocument();
    const secret = join(tempDirectory(), 'secret');
    writeFileSync(secret, 'a secret');
    const name = nameOf(90 * DAY);
    put(join(directory, name), secret);
    const before = lstatSync(join(directory, name));
    expect(backups.list()).toEqual([]);
    expect(backups.read(name)).toBeUndefined();
    for (let text = 0; text < 7; text++) backups.write(`${text}`, 'save');
    backups.rotate(() => true);
    expect(lstatSync(join(directory, name)).ino).toBe(before.ino);
    expect(readFileSync(secret, 'utf8')).toBe('a secret');
  });

  it('is not written through where the reasons are kept', () => {
    const { directory, backups } = newDocument();
    const secret = join(tempDirectory(), 'secret');
    writeFileSync(secret, 'a secret');
    for (const name of ['.roles.json.backups', '.roles.json.backups.new'])
      symlinkSync(secret, join(directory, name));
    backups.write('1', 'save');
    expect(readFileSync(secret, 'utf8')).toBe('a secret');
    expect(backups.list()).toMatchObject([{ reason: 'save' }]);
  });

  it('is not read by a name that leads elsewhere', () => {
    const { directory, backups } = newDocument();
    writeFileSync(join(directory, 'secret'), 'a secret');
    for (const name of [
      'secret',
      '../secret',
      'roles.json',
      'roles.json.20200101T000000.000Z/../secret.bak',
      '',
    ]) {
      expect(backups.read(name)).toBeUndefined();
    }
  });

  it('does not count where everybody may make files, when a stranger made it', () => {
    needsRoot();
    const { directory, nameOf, backups } = newDocument();
    chmodSync(directory, 0o1777);
    const name = nameOf(DAY);
    writeFileSync(join(directory, name), '{"planted":true}');
    expect(backups.list()).toHaveLength(1);
    chownSync(join(directory, name), NOBODY, NOBODY);
    expect(backups.list()).toEqual([]);
    expect(backups.read(name)).toBeUndefined();
    backups.rotate(() => true);
    expect(existsSync(join(directory, name))).toBe(true);
  });
});

describe('what stands under the name of a leftover of a dead writer and is none', () => {
  const sweep = (path: string) => {
    const place = placeOf(path);
    const folder = new Folder(place);
    onTestFinished(() => folder.close());
    const keeper = new Keeper(place, {}, () => {});
    keeper.sweep(folder, { shown: path, maxBytes: 1_000 });
    return keeper.backups.list();
  };

  it('becomes no backup, and stays, where everybody may make files and a stranger made it [D29]', () => {
    needsRoot();
    const { directory, path } = newDocument();
    chmodSync(directory, 0o1777);
    const name = join(directory, temporaryName('roles.json'));
    writeFileSync(name, '{"planted":true}');
    chownSync(name, NOBODY, NOBODY);
    expect(sweep(path)).toEqual([]);
    expect(readFileSync(name, 'utf8')).toBe('{"planted":true}');
    chownSync(name, 0, 0);
    expect(sweep(path)).toMatchObject([{ reason: 'interrupted' }]);
    expect(existsSync(name)).toBe(false);
  });

  it.each(Object.entries(KINDS))('is not read, waited for, followed or removed: %s [D29]', (_, put) => {
    const { directory, path } = newDocument();
    const secret = join(tempDirectory(), 'secret');
    writeFileSync(secret, '{"secret":true}');
    const name = join(directory, temporaryName('roles.json'));
    put(name, secret);
    const before = lstatSync(name);
    expect(sweep(path)).toEqual([]);
    expect(lstatSync(name).ino).toBe(before.ino);
  });
});

it('a backup that root makes belongs to the owner of the document [B4]', () => {
  needsRoot();
  const { directory, path, backups } = newDocument();
  for (const each of [directory, path]) chownSync(each, NOBODY, NOBODY);
  chmodSync(path, 0o640);
  const { uid, gid, mode } = statSync(join(directory, backups.write('1', 'save')));
  expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: NOBODY, gid: NOBODY, mode: 0o640 });
  expect(statSync(join(directory, '.roles.json.backups')).uid).toBe(NOBODY);
});

describe('the reasons of backups', () => {
  it('may be read by whom the document may be read by, so that each of a group knows which were never the document [B4]', () => {
    needsRoot();
    const { directory, path, backups } = newDocument();
    chownSync(path, NOBODY, 61_234);
    chmodSync(path, 0o660);
    backups.write('1', 'conflict');
    const { gid, mode } = statSync(join(directory, '.roles.json.backups'));
    expect({ gid, mode: mode & 0o777 }).toEqual({ gid: 61_234, mode: 0o660 });
  });

  it('that cannot be read are not replaced [B4]', () => {
    needsRoot();
    const { directory, path, backups } = newDocument();
    const first = backups.write('1', 'conflict');
    for (const each of [path, join(directory, first)]) chmodSync(each, 0o666);
    chmodSync(directory, 0o777);
    chmodSync(join(directory, '.roles.json.backups'), 0o600);
    process.seteuid?.(NOBODY);
    onTestFinished(() => process.seteuid?.(0));
    const second = backups.write('2', 'save');
    expect(backups.list().map(({ reason }) => reason)).toEqual([undefined, undefined]);
    process.seteuid?.(0);
    expect(new Map(backups.list().map(({ name, reason }) => [name, reason]))).toEqual(
      new Map([
        [first, 'conflict'],
        [second, undefined],
      ]),
    );
  });
});

it('a full disk takes no backup, and leaves the document and the backups there were', () => {
  const { disk } = smallDisk('size=256k');
  const { directory, path, backups } = newDocument(disk);
  const first = backups.write('{"first":true}', 'save');
  fill(disk);
  const before = readdirSync(directory);
  expect(() => backups.write('x'.repeat(10_000), 'delete')).toThrow(
    /ENOSPC\. Make room; the backups .* untouched/,
  );
  expect(readdirSync(directory)).toEqual(before);
  expect(readFileSync(path, 'utf8')).toBe('{}');
  expect(backups.read(first)?.toString()).toBe('{"first":true}');
  expect(() => readlinkSync(join(directory, first))).toThrow('EINVAL');
});
