import { execFileSync } from 'node:child_process';
import fs, {
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { READ_SAFELY } from '../../src/storage/fs/open-flags.ts';
import { closeQuietly, removeIfEmpty, unlinkQuietly } from '../../src/storage/fs/quietly.ts';
import { sleepSync } from '../../src/storage/fs/sleep-sync.ts';
import { lstatOrNothing, statOrNothing } from '../../src/storage/fs/stat.ts';
import { fsyncDirectory, syncDirectory, syncDirectoryQuietly } from '../../src/storage/fs/sync-directory.ts';
import { openRegularFile, readBeginning } from '../../src/storage/regular-file.ts';
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
    expect(READ_SAFELY & constants.O_NONBLOCK, 'else the open itself would wait').not.toBe(0);
    execFileSync('mkfifo', [at('fifo')]);
    const fd = openSync(at('fifo'), READ_SAFELY);
    expect(fstatSync(fd).isFIFO()).toBe(true);
    closeQuietly(fd);
  });
});

describe('a look into a regular file', () => {
  it('opens nothing else, for that can disturb whoever is at its other end [H18]', () => {
    const { at } = place();
    execFileSync('mkfifo', [at('fifo')]);
    const opened = vi.spyOn(fs, 'openSync');
    syncBuiltinESMExports();
    try {
      for (const name of ['fifo', 'folder', 'link', 'dangling', 'missing']) {
        expect(openRegularFile(at(name)), name).toBe(undefined);
        expect(readBeginning(at(name), 10), name).toBe('');
      }
      expect(opened).not.toHaveBeenCalled();
      expect(readBeginning(at('file'), 3)).toBe('tex');
      expect(opened).toHaveBeenCalledOnce();
    } finally {
      opened.mockRestore();
      syncBuiltinESMExports();
    }
  });
});

describe('a look into a file that somebody exchanges for something else just before it is opened', () => {
  it.each([
    ['a directory', (path: string) => mkdirSync(path)],
    ['a FIFO', (path: string) => execFileSync('mkfifo', [path])],
  ])('finds none, and leaves nothing open: %s [H18, H23]', (_what, make) => {
    const path = place().at('file');
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    const { openSync } = fs;
    const opening = vi.spyOn(fs, 'openSync').mockImplementationOnce((...call) => {
      unlinkSync(path);
      make(path);
      return openSync(...call);
    });
    syncBuiltinESMExports();
    try {
      expect(openRegularFile(path)).toBe(undefined);
      expect(opening).toHaveBeenCalledOnce();
    } finally {
      opening.mockRestore();
      syncBuiltinESMExports();
    }

    expect(descriptors()).toBe(before);
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

  it('leaves no descriptor open, whether or not it succeeds [H23]', async () => {
    const { directory } = place();
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();

    for (let round = 0; round < 5; round++) {
      for (const path of [directory, '/proc']) {
        await syncDirectory(path);
        syncDirectoryQuietly(path);
      }
    }

    expect(open()).toBe(before);
  });

  it('is done without by the durable one where a file system has none', async () => {
    await syncDirectory('/proc');
    expect(() => fsyncDirectory('/proc')).toThrow(expect.objectContaining({ syscall: 'fsync' }));
    syncDirectoryQuietly('/proc');
  });
});

it('blocks the thread for as long as it is told, fractions included, and nobody can wake it', () => {
  const waits = vi.spyOn(Atomics, 'wait');
  onTestFinished(() => waits.mockRestore());
  let turned = false;
  const turn = setImmediate(() => {
    turned = true;
  });

  sleepSync(1.5);

  clearImmediate(turn);
  expect(turned).toBe(false);
  expect(waits.mock.results).toEqual([{ type: 'return', value: 'timed-out' }]);
  const [words, index, value, ms] = waits.mock.lastCall ?? [];
  expect([words?.[index ?? 0], ms]).toEqual([value, 1.5]);
});
