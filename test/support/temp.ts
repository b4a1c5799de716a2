import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A directory of its own for the running test, removed afterwards. Other users may enter and read it, not write. */
export function tempDirectory(parent = tmpdir()): string {
  const path = realpathSync(mkdtempSync(join(parent, 'holdfast-test-')));
  chmodSync(path, 0o755);
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
