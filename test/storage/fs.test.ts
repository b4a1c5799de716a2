import { execFileSync } from 'node:child_process';
import { existsSync, fstatSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { READ_SAFELY } from '../../src/storage/fs/open-flags.ts';
import { closeQuietly, removeIfEmpty, unlinkQuietly } from '../../src/storage/fs/quietly.ts';
import { sleepSync } from '../../src/storage/fs/sleep-sync.ts';
import { lstatOrNothing, statOrNothing } from '../../src/storage/fs/stat.ts';
import { fsyncDirectory, syncDirectory, syncDirectoryQuietly } from '../../src/storage/fs/sync-directory.ts';
import { tempDirectory } from '../support/temp.ts';

function place() {
  const directory = tempDirectory();
  const at = (name: string) => join(directory, name);
  writeFileSync(at('file'), 'text');
  mkdirSync(at('folder'));
  symlinkSync('file', at('link'));
  symlinkSync('nowhere', at('dangling'));
  symlinkSync('circle', at('circle'));
  return { directory, at };
}

describe('an open that is safe', () => {
  it('follows no link [H18]', () => {
    const { at } = place();
    expect(() => openSync(at('link'), READ_SAFELY)).toThrow('ELOOP');
  });

  it('waits at no FIFO [H18]', () => {
    const { at } = place();
    execFileSync('mkfifo', [at('fifo')]);
    const fd = openSync(at('fifo'), READ_SAFELY);
    expect(fstatSync(fd).isFIFO()).toBe(true);
    closeQuietly(fd);
  });
});

describe('what is ended quietly', () => {
  it('is a descriptor, also one that is none', () => {
    const fd = openSync(place().at('file'), 'r');
    closeQuietly(fd);
    expect(() => fstatSync(fd)).toThrow('EBADF');
    closeQuietly(2 ** 30);
  });

  it('is a file, but no directory, whether or not it is there', () => {
    const { at } = place();
    for (const name of ['file', 'folder', 'missing']) unlinkQuietly(at(name));
    expect([existsSync(at('file')), existsSync(at('folder'))]).toEqual([false, true]);
  });

  it('is a directory that is empty, and nothing else', () => {
    const { directory, at } = place();
    for (const path of [at('folder'), at('file'), at('missing'), directory]) removeIfEmpty(path);
    expect([existsSync(at('folder')), existsSync(at('file'))]).toEqual([false, true]);
  });
});

describe('a look at a path', () => {
  it('finds what its links lead to, or, if it is asked for that, the link itself', () => {
    const { at } = place();
    expect(statOrNothing(at('link'))?.isFile()).toBe(true);
    expect(lstatOrNothing(at('link'))?.isSymbolicLink()).toBe(true);
  });

  it('finds nothing where nothing is, and where the system refuses to look', () => {
    const { at } = place();
    for (const name of ['missing', 'file/below', 'circle/below', 'nul\0']) {
      expect([statOrNothing(at(name)), lstatOrNothing(at(name))]).toEqual([undefined, undefined]);
    }
    expect(statOrNothing(at('dangling'))).toBeUndefined();
    expect(lstatOrNothing(at('dangling'))).toBeDefined();
  });
});

describe('the sync of a directory', () => {
  it('succeeds for one that is there', async () => {
    const { directory } = place();
    await syncDirectory(directory);
    fsyncDirectory(directory);
    syncDirectoryQuietly(directory);
  });

  it('tells that there is none, unless it is a quiet one', async () => {
    const missing = place().at('missing');
    await expect(syncDirectory(missing)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(() => fsyncDirectory(missing)).toThrow(
      expect.objectContaining({ code: 'ENOENT', syscall: 'open' }),
    );
    syncDirectoryQuietly(missing);
  });

  it('is done without by the durable one where a file system has none', async () => {
    await syncDirectory('/proc');
    expect(() => fsyncDirectory('/proc')).toThrow(expect.objectContaining({ syscall: 'fsync' }));
    syncDirectoryQuietly('/proc');
  });
});

it('blocks the thread for as long as it is told, and no timer comes first', () => {
  let fired = false;
  const timer = setTimeout(() => {
    fired = true;
  });
  const start = performance.now();
  sleepSync(20);
  expect(performance.now() - start).toBeGreaterThan(19);
  expect(fired).toBe(false);
  clearTimeout(timer);
});
