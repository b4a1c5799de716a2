import { realpathSync } from 'node:fs';
import { type FileSystem, UNKNOWN } from './file-system.ts';

/** A share is told by its real path, which is `\\server\share\…` also where it is mapped to a letter. */
export function windowsFileSystem(directory: string, realPath = realpathSync.native(directory)): FileSystem {
  return realPath.startsWith('\\\\') ? { type: 'smb', reach: 'network', options: [] } : UNKNOWN;
}
