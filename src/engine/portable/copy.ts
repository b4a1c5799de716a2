import { self } from '../../identity/self.ts';
import { fileSystemOf, hasStableInodes } from '../../storage/file-system/index.ts';
import type { FoundClaim } from './look.ts';

/**
 * Whether a claim, or a ticket, is a copy of the one that its owner made, so that its owner has no part in it: a directory
 * was copied while a lock in it was held (`cp -a`, a restored backup). It would count as held for as long as the owner lives,
 * who knows nothing of it and never removes it.
 *
 * Its record names the file that it was written in. That is told by the descriptor before the claim is shown, and `link`
 * and `rename`, which show it, keep the file. So:
 *
 *     written  on this machine and boot  device    inode  file system     verdict
 *  1  unknown  any                       any       any    any             no   by an older version
 *  2  known    no, or not known          any       any    any             no   both numbers mean something else there
 *  3  known    yes                       another   any    any             no   the same share, or disk, on another mount
 *  4  known    yes                       the same  same   any             no   a bind mount, a moved directory, a hard link
 *  5  known    yes                       the same  other  unstable        no   a file may have another inode at every look
 *  6  known    yes                       the same  other  stable inodes   yes
 *
 *  6  One boot has one kernel, which gives a device number to one mounted file system at a time. If it was the same one when
 *     the claim was written, then the file from that time keeps its inode, and this is another file. If it was another one
 *     with the same number, unmounted since, then no file came from there but by being copied.
 */
export function isCopy({ path, record, file }: Pick<FoundClaim, 'path' | 'record' | 'file'>): boolean {
  const written = record?.file;
  if (record === undefined || written === undefined) return false;
  if (written.ino === file.ino || written.dev !== file.dev) return false;
  const { boot, machine } = self();
  const { holder } = record;
  if (boot === '' || holder.boot !== boot || machine === undefined || holder.machine !== machine)
    return false;
  return hasStableInodes(fileSystemOf(path));
}
