import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { tempDirectory } from './temp.ts';
import { tool } from './tool.ts';

/** Mounts a file system of its own on a directory until the test is over. Needs root. */
export function mountTmpfs(point: string, options: string): void {
  mountOn(point, ['-t', 'tmpfs', '-o', options, 'tmpfs']);
}

/** Lets a directory be found on another path as well until the test is over. Needs root. */
export function bindMount(directory: string, point: string): void {
  mountOn(point, ['--bind', directory]);
}

/** The same for one file, as `docker run -v FILE:FILE` does it. */
export function bindMountFile(file: string, point: string): void {
  writeFileSync(point, '');
  mount(point, ['--bind', file]);
}

function mountOn(point: string, what: readonly string[]): void {
  mkdirSync(point, { recursive: true });
  mount(point, what);
}

function mount(point: string, what: readonly string[]): void {
  tool('mount', [...what, point]);
  // Lazily, for a test that failed may have left something open.
  onTestFinished(() => void tool('umount', ['--lazy', point]));
}

/** A small file system of its own, mounted until the test is over. Needs root. */
export function smallDisk(options: string): { disk: string; home: string; locks: string } {
  const home = tempDirectory();
  const disk = join(home, 'disk');
  mountTmpfs(disk, options);
  return { disk, home, locks: join(disk, 'locks') };
}

/** Writes until the disk takes no more. */
export function fill(disk: string): void {
  const fd = openSync(join(disk, 'filler'), 'w');
  try {
    for (;;) writeSync(fd, Buffer.alloc(1024));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    closeSync(fd);
  }
}
