import { promises, renameSync } from 'node:fs';
import { replaceOnWindows, replaceSyncOnWindows } from './windows.ts';

const isWindows = process.platform === 'win32';

/** Renames a file to a name that may be taken, in one step for everybody who looks. @throws the system's error. */
export const replace: (from: string, to: string) => Promise<void> = isWindows
  ? replaceOnWindows
  : promises.rename;

/** The same on this very thread. */
export const replaceSync: (from: string, to: string) => void = isWindows ? replaceSyncOnWindows : renameSync;
