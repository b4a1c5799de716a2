import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** The same in memory, where nothing waits for a disk; for tests of order, not of durability. */
export function memoryDirectory(): string {
  return tempDirectory(existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
}

/** A directory of its own for the running test, removed afterwards. Other users may enter and read it, not write. */
export function tempDirectory(parent = tmpdir()): string {
  const path = realpathSync(mkdtempSync(join(parent, 'holdfast-test-')));
  chmodSync(path, 0o755);
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
