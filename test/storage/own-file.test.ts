import { chmodSync, chownSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readOwnFile } from '../../src/storage/own-file.ts';
import { tempDirectory } from '../support/temp.ts';

const NOBODY = 65_534;

/** A file with these rights, and its reader's eyes: those of root, or of nobody until the test is over. */
function fileOf(owner: number, mode: number, reader: number): string {
  const path = join(tempDirectory(), 'record');
  writeFileSync(path, 'text');
  chmodSync(path, mode);
  chownSync(path, owner, owner);
  process.seteuid?.(reader);
  onTestFinished(() => process.seteuid?.(0));
  return path;
}

describe('what is read as one’s own (these tests run as root)', () => {
  it('is one’s own file, or root’s', () => {
    expect(readOwnFile(fileOf(0, 0o600, 0))?.toString()).toBe('text');
    expect(readOwnFile(fileOf(0, 0o644, 0))?.toString()).toBe('text');
  });

  it('is not a stranger’s, who could write anything there', () => {
    expect(readOwnFile(fileOf(NOBODY, 0o644, 0))).toBe(undefined);
  });

  it('is not kept open, neither one’s own nor a stranger’s [H23]', () => {
    const paths = [fileOf(0, 0o600, 0), fileOf(NOBODY, 0o644, 0)];
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const before = descriptors();

    for (const path of paths) readOwnFile(path);

    expect(descriptors()).toBe(before);
  });

  it('is none where nothing is, nor a link, nor a directory', () => {
    const directory = tempDirectory();
    const file = join(directory, 'file');
    writeFileSync(file, 'text');
    symlinkSync(file, join(directory, 'link'));
    mkdirSync(join(directory, 'folder'));

    for (const name of ['missing', 'file/below', 'link', 'folder']) {
      expect(readOwnFile(join(directory, name)), name).toBe(undefined);
    }
  });

  it('is an error, not nothing, when it is there and must not be read', () => {
    const path = fileOf(0, 0o600, NOBODY);

    expect(() => readOwnFile(path)).toThrow('EACCES');
  });
});
