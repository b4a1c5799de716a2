import {
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { queueDirectory } from '../../../src/engine/kernel/entry.ts';
import { syscalls } from '../../../src/engine/kernel/syscalls/index.ts';
import { nativeBuffer, nativePath } from '../../../src/engine/kernel/syscalls/native.ts';
import { wake } from '../../../src/engine/kernel/wake/index.ts';
import { within } from '../../support/deadline.ts';
import { tempDirectory } from '../../support/temp.ts';

const { EWOULDBLOCK, ENOENT, ELOOP } = constants.errno;
const CLOSE_ON_EXEC = 0o2000000;

/** A file of the running test's own, open through the seam. */
function newFile(content = 'x') {
  const path = join(tempDirectory(), 'file');
  writeFileSync(path, content);
  return { path, name: nativePath(path), open: () => opened(path) };
}

function opened(path: string): number {
  const fd = syscalls().open(nativePath(path));
  if (fd >= 0) onTestFinished(() => syscalls().close(fd));
  return fd;
}

describe('the system calls, whatever the architecture lays out how', () => {
  it('see which file a descriptor is open on, and whose it is [H7]', () => {
    const { path, name, open } = newFile();
    chownSync(path, 54_321, 12_345);
    const fd = open();

    expect(syscalls().check(fd, name)).toEqual({ same: true, regular: true, uid: 54_321 });
    renameSync(path, `${path}.old`);
    expect(syscalls().check(fd, name).same).toBe(false);
    writeFileSync(path, 'another');
    expect(syscalls().check(fd, name).same).toBe(false);
    renameSync(`${path}.old`, path);
    expect(syscalls().check(fd, name).same).toBe(true);
  });

  it('see what is no regular file [H18]', () => {
    const directory = tempDirectory();
    const fd = openSync(directory, 'r');
    onTestFinished(() => closeSync(fd));

    expect(syscalls().check(fd, nativePath(directory))).toMatchObject({ same: true, regular: false });
  });

  it('do not see one file in two of the same number on different file systems [H7]', () => {
    const fd = openSync('/proc', 'r');
    onTestFinished(() => closeSync(fd));

    expect(syscalls().check(fd, nativePath('/proc')).same).toBe(true);
    expect(syscalls().check(fd, nativePath('/sys')).same).toBe(false); // both have inode 1
  });

  it('open without following a link, and for no child process [H11, H18]', () => {
    const { path, open } = newFile();
    symlinkSync(path, `${path}.link`);

    expect(opened(`${path}.link`)).toBe(-ELOOP);
    expect(opened(`${path}.missing`)).toBe(-ENOENT);
    const [, flags] = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${open()}`, 'latin1')) ?? [];
    expect(Number.parseInt(flags ?? '', 8) & CLOSE_ON_EXEC).toBe(CLOSE_ON_EXEC);
  });

  it('take, share, convert and drop a lock, and say when somebody else has it [R1, R4]', () => {
    const { open } = newFile();
    const [one, other] = [open(), open()];
    const { lock, convert } = syscalls();

    expect(lock(one, 'exclusive')).toBe(0);
    expect(lock(other, 'shared')).toBe(-EWOULDBLOCK);
    expect(convert(one, 'shared')).toBe(0);
    expect(lock(other, 'shared')).toBe(0);
    expect(convert(one, 'exclusive')).toBe(-EWOULDBLOCK);
    expect(lock(other, 'none')).toBe(0);
    expect(convert(one, 'exclusive')).toBe(0);
    expect(lock(other, 'exclusive')).toBe(-EWOULDBLOCK);
  });

  it('read and write the start of a file, and nothing beyond it', () => {
    const { path, open } = newFile('0123456789');
    const fd = open();
    const four = nativeBuffer(4);

    expect(syscalls().read(fd, four)).toBe(4);
    expect(four.buffer.toString()).toBe('0123');
    four.buffer.write('abcd');
    expect(syscalls().write(fd, four)).toBe(4);
    expect(readFileSync(path, 'latin1')).toBe('abcd456789');
  });

  it('know what exists', () => {
    const { path, name } = newFile();
    mkdirSync(queueDirectory(path));

    expect(
      [name, nativePath(queueDirectory(path)), nativePath(`${path}.none`)].map(syscalls().exists),
    ).toEqual([true, true, false]);
  });

  it('tell of the close of a file that is watched, of the right one', async () => {
    const [watched, other] = [newFile(), newFile()];
    const fds = [watched, other].map(({ open }) => open()) as [number, number];
    let wrong = 0;
    const stop = wake().watch(fds[1], other.path, 'lock', () => wrong++);
    const told = new Promise<void>((resolve) => {
      onTestFinished(wake().watch(fds[0], watched.path, 'lock', resolve));
    });

    closeSync(openSync(watched.path, 'r+'));

    await within(told, 'waiting for the news of a close');
    stop();
    expect(wrong).toBe(0);
  });
});
