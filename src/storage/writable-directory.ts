import { randomBytes } from 'node:crypto';
import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Audience, makeDirectory } from './directory.ts';
import { outlastTransient } from './transient/index.ts';

const ATTEMPTS = 3;

/**
 * Makes a directory with its parents, where they are missing, and proves that this process may write in it by doing so.
 * Errors that pass are tried three times, with growing pauses. Safe when many processes call it at once, and while
 * others remove the directory: then it is made again.
 *
 * Not guaranteed: that a process which is killed in here leaves nothing; its probe is an empty file, `.holdfast-….probe`.
 *
 * `mode`: of what is made, whatever the umask. A directory that exists keeps its own.
 *
 * @throws the system's error (`EACCES`, `EROFS`, `ENOTDIR`, `ENOSPC`, …) when it cannot be made or written.
 */
export function ensureWritableDirectory(path: string, mode: number | Audience = 0o700): Promise<void> {
  const audience = typeof mode === 'number' ? { mode } : mode;
  return outlastTransient(() => {
    makeDirectory(path, audience);
    const probe = join(path, `.holdfast-${process.pid}-${randomBytes(8).toString('hex')}.probe`);
    writeFileSync(probe, '', { flag: 'wx', mode: 0o600 });
    unlinkSync(probe);
  }, ATTEMPTS);
}
