import { fsyncSync, writeSync } from 'node:fs';
import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import { closeQuietly, unlinkQuietly } from '../../storage/fs/quietly.ts';
import { Date } from '../../time/time.ts';
import type { LockRequest } from '../engine.ts';
import { makeFile } from '../file/make.ts';
import { BLOCK_BYTES, formatBlock, writeCounters, writeSince } from './block.ts';

/**
 * Makes the lock file of a lock that another engine had until now, under a path that nobody looks at yet. It is free; its
 * next exclusive holder counts on from `token`, and is told of `died`, as if that one had died under this engine.
 */
export function makeInheritedFile(
  request: LockRequest,
  path: string,
  { token, died }: { readonly token: number | undefined; readonly died: HolderRecord | undefined },
): void {
  const fd = makeFile(request, path);
  try {
    const last = token ?? (died === undefined ? undefined : Date.now() * 1000); // as every count begins
    if (last !== undefined) writeWhole(fd, blockOf(request, last, died));
    fsyncSync(fd);
  } catch (error) {
    unlinkQuietly(path);
    throw error;
  } finally {
    closeQuietly(fd);
  }
}

function blockOf({ resource }: LockRequest, token: number, died: HolderRecord | undefined): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  formatBlock(block, resource, died?.boot ?? self().boot, died);
  writeCounters(block, token, token); // the bound is what the disk knows, and the disk gets to know this token
  const since = Date.parse(died?.since ?? '');
  if (!Number.isNaN(since)) writeSince(block, since);
  return block;
}

function writeWhole(fd: number, block: Buffer): void {
  const written = writeSync(fd, block, 0, block.length, 0);
  if (written < block.length) throw Object.assign(new Error('a part was written'), { code: 'ENOSPC' });
}
