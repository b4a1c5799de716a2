import { promises } from 'node:fs';
import { systemCode } from '../../errors/base.ts';
import { NoSpaceError } from '../../errors/content-errors.ts';

/** Bytes that are left free for everything else on the disk. */
const MARGIN = 64 * 1024 * 1024;
const FULL = ['ENOSPC', 'EDQUOT'];

/** @throws {NoSpaceError} when so many bytes and a margin of 64 MiB do not fit on the disk. */
export async function checkSpace(directory: string, needed: number): Promise<void> {
  const { bavail, bsize, blocks } = await promises.statfs(directory);
  if (blocks === 0) return; // a file system that does not count
  const available = bavail * bsize;
  if (needed + MARGIN > available) throw new NoSpaceError(directory, { needed, available });
}

/** An error of the system, as a NoSpaceError where it says that the disk is full. */
export function explained(error: unknown, path: string): unknown {
  return FULL.includes(systemCode(error) ?? '') ? new NoSpaceError(path, {}, error) : error;
}
