import {
  chownSync,
  closeSync,
  existsSync,
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
import { describe, expect, it, onTestFinished } from 'vitest';
import { privateFiles } from '../../src/storage/private-files.ts';
import { intercept, meant } from '../engine/portable/intercept.ts';
import { tempDirectory } from '../support/temp.ts';

const ANN = 65_534;
const REFUSED = { link: 'refused' } as const;

/** A directory of another user, and something of root's elsewhere. */
function setUp() {
  const home = tempDirectory();
  const [hers, roots] = [join(home, 'hers'), join(home, 'roots')];
  for (const path of [hers, roots]) mkdirSync(path);
  writeFileSync(join(roots, 'precious'), 'precious');
  chownSync(hers, ANN, ANN);
  return { hers, roots };
}

describe('private files (these tests run as root)', () => {
  it.each([0o022, 0o077, 0o777])(
    'that root makes belong to the owner of their directory, under the umask %o too [X36]',
    (umask) => {
      const { hers } = setUp();
      const before = process.umask(umask);
      onTestFinished(() => void process.umask(before));

      privateFiles(hers, REFUSED, (files) => {
        closeSync(files.make('made'));
        closeSync(files.append('log'));
        files.write('written', 'text');
      });

      for (const name of ['made', 'log', 'written']) {
        const { uid, gid, mode } = statSync(join(hers, name));
        expect({ uid, gid, mode }).toEqual({ uid: ANN, gid: ANN, mode: 0o100600 });
      }
    },
  );

  it('stay root’s in a directory of root, and one’s own under every umask [X36]', () => {
    const { hers, roots } = setUp();
    privateFiles(roots, REFUSED, (files) => files.write('roots', 'text'));
    expect(statSync(join(roots, 'roots'))).toMatchObject({ uid: 0, mode: 0o100600 });

    const before = process.umask(0o777);
    process.seteuid?.(ANN);
    onTestFinished(() => {
      process.seteuid?.(0);
      process.umask(before);
    });
    privateFiles(hers, REFUSED, (files) => files.write('hers', 'text'));
    expect(statSync(join(hers, 'hers'))).toMatchObject({ uid: ANN, mode: 0o100600 });
  });

  it('are not made through a link in their place, nor in that of their directory [X13]', () => {
    const { hers, roots } = setUp();
    symlinkSync(join(roots, 'precious'), join(hers, 'record'));

    privateFiles(hers, REFUSED, (files) => {
      expect(() => files.append('record')).toThrow('ELOOP');
      expect(() => files.make('record')).toThrow('EEXIST');
      files.write('record', 'text');
    });
    expect(readFileSync(join(hers, 'record'), 'utf8')).toBe('text');
    expect(readFileSync(join(roots, 'precious'), 'utf8')).toBe('precious');

    symlinkSync(roots, join(hers, 'link'));
    expect(() => privateFiles(join(hers, 'link'), REFUSED, (files) => files.remove('precious'))).toThrow(
      /ELOOP|ENOTDIR/,
    );
    expect(existsSync(join(roots, 'precious'))).toBe(true);
  });

  it('are made, replaced and removed in the directory that is held, whatever takes its place meanwhile [X13]', () => {
    const { hers, roots } = setUp();
    const place = join(hers, 'place');
    mkdirSync(place);
    writeFileSync(join(place, 'precious'), 'not so');

    privateFiles(place, REFUSED, (files) => {
      renameSync(place, join(hers, 'aside'));
      symlinkSync(roots, place);
      files.write('new', 'text');
      files.rename('new', 'renamed');
      files.remove('precious');
    });

    expect(readdirSync(roots)).toEqual(['precious']);
    expect(readdirSync(join(hers, 'aside'))).toEqual(['renamed']);
  });

  it('are removed with all below them, and never through a link that is swapped in [X13]', () => {
    const { hers, roots } = setUp();
    const tree = join(hers, 'tree');
    mkdirSync(join(tree, 'a/b'), { recursive: true });
    for (const name of ['file', 'a/file', 'a/b/file']) writeFileSync(join(tree, name), '');
    symlinkSync(roots, join(tree, 'a/link'));
    privateFiles(hers, REFUSED, (files) => {
      files.removeWhole('tree');
      files.removeWhole('tree');
    });
    expect(readdirSync(hers)).toEqual([]);

    mkdirSync(tree);
    let happened = false;
    intercept('openSync', (original) => (path, ...rest) => {
      if (meant(path) === tree && !happened) {
        happened = true;
        renameSync(tree, `${tree}.aside`);
        symlinkSync(roots, tree);
      }
      return original(path, ...rest);
    });
    expect(() => privateFiles(hers, REFUSED, (files) => files.removeWhole('tree'))).toThrow(/ELOOP|ENOTDIR/);

    expect(happened).toBe(true);
    expect(lstatSync(tree).isSymbolicLink()).toBe(true);
    expect(readdirSync(roots)).toEqual(['precious']);
  });
});
