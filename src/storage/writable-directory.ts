import { randomBytes } from 'node:crypto';
import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, shown } from '../errors/input-error.ts';
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
 * @throws {InputError} for what is no path or mode. @throws the system's error (`EACCES`, `EROFS`, `ENOTDIR`, `ENOSPC`, …) when it cannot be made or written.
 */
export async function ensureWritableDirectory(path: string, mode: number | Audience = 0o700): Promise<void> {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new InputError('path', `must be a path, got ${shown(path)}`);
  }
  const audience = typeof mode === 'number' ? { mode } : mode;
  if (!isAudience(audience)) throw new InputError('mode', `must be a mode such as 0o700, got ${shown(mode)}`);
  return outlastTransient(() => {
    makeDirectory(path, audience);
    const probe = join(path, `.holdfast-${process.pid}-${randomBytes(8).toString('hex')}.probe`);
    writeFileSync(probe, '', { flag: 'wx', mode: 0o600 });
    unlinkSync(probe);
  }, ATTEMPTS);
}

function isAudience(value: unknown): boolean {
  const { mode } = (value ?? {}) as { readonly mode?: unknown };
  if (mode === undefined) return ['owner', 'everyone', 'as its parent'].includes(value as string);
  return Number.isInteger(mode) && (mode as number) >= 0 && (mode as number) <= 0o7777;
}
