import { fstatSync } from 'node:fs';
import { BLOCK_BYTES, readState } from './block.ts';
import { BYTES_READ } from './nested.ts';
import { syscalls } from './syscalls/index.ts';
import { nativeBuffer } from './syscalls/native.ts';

/**
 * Whether an open file in a queue directory is Holdfast's to write to and to remove, which its name alone does not tell:
 * a regular file without a second name somewhere else, that begins with the signature, or is as its maker left it who
 * died before it had written anything: empty, or, after a power loss, a beginning of what it wrote or NULs in its stead.
 */
export function isSigned(fd: number): boolean {
  const stats = fstatSync(fd);
  if (!stats.isFile() || stats.nlink > 1) return false;
  const block = nativeBuffer(BLOCK_BYTES);
  const length = syscalls().read(fd, block);
  if (length < 0 || readState(block.buffer, length, '').kind === 'foreign') return false;
  return block.buffer[0] !== 0 || stats.size <= BYTES_READ;
}
