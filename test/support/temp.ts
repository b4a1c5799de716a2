import { chmodSync, existsSync, mkdtempSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
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
  // Windows keeps what is open, so a lock that is only just being released is waited for.
  onTestFinished(() => rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 }));
  return path;
}
