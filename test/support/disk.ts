import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { tempDirectory } from './temp.ts';

/** A small file system of its own, mounted until the test is over. Needs root. */
export function smallDisk(options: string): { disk: string; home: string; locks: string } {
  const home = tempDirectory();
  const disk = join(home, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk]);
  onTestFinished(() => void execFileSync('umount', ['--lazy', disk]));
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
