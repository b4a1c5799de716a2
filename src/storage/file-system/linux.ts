import { statfsSync } from 'node:fs';
import { type FileSystem, UNKNOWN } from './file-system.ts';
import { FUSE, LINUX_TYPES } from './linux-types.ts';
import { mountOf } from './mounts.ts';

/** FUSE over a disk of this machine (ntfs-3g and the like). */
const LOCAL_FUSE = 'fuseblk';

/** The file system a directory lies in, by statfs(2), and for network drives by its mount. The directory must exist. */
export function linuxFileSystem(
  directory: string,
  magic = statfsSync(directory).type >>> 0,
  findMount = mountOf,
): FileSystem {
  if (magic === FUSE) {
    const { type = 'fuse', options = [] } = findMount(directory) ?? {};
    return { type, reach: type === LOCAL_FUSE ? 'local' : 'network', options };
  }
  const [type, reach] = LINUX_TYPES.get(magic) ?? [];
  if (type === undefined || reach === undefined) {
    return { ...UNKNOWN, type: findMount(directory)?.type ?? UNKNOWN.type };
  }
  if (reach !== 'network') return { type, reach, options: [] };
  const mount = findMount(directory);
  return { type: mount?.type ?? type, reach, options: mount?.options ?? [] };
}
