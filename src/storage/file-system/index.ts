import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { type FileSystem, UNKNOWN } from './file-system.ts';
import { linuxFileSystem } from './linux.ts';
import { windowsFileSystem } from './windows.ts';

export { describeFileSystem, type FileSystem, hasStableInodes, localLockOption } from './file-system.ts';

const IMPLEMENTATIONS: Partial<Record<NodeJS.Platform, (directory: string) => FileSystem>> = {
  linux: (directory) => linuxFileSystem(directory),
  win32: (directory) => windowsFileSystem(directory),
};

/** The seam through which tests put file systems that are not available where they run. */
export const fileSystems = {
  /** The file system of a directory that exists and is named without links. */
  of: IMPLEMENTATIONS[process.platform] ?? (() => UNKNOWN),
};

/** The file system in which a directory lies, or will lie once it is made. Unknown where one may not look. */
export function fileSystemOf(directory: string): FileSystem {
  try {
    return fileSystems.of(nearest(directory));
  } catch {
    return UNKNOWN;
  }
}

/** The directory itself, free of links, or the nearest one above it that exists: making directories crosses no mount. */
export function nearest(directory: string): string {
  try {
    return realpathSync.native(directory);
  } catch (error) {
    const parent = dirname(directory);
    if (systemCode(error) !== 'ENOENT' || parent === directory) throw error;
    return nearest(parent);
  }
}
