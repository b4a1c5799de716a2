import { promises, renameSync } from 'node:fs';
import { outlastUseSync, replaceOnWindows } from './windows.ts';

const isWindows = process.platform === 'win32';

/**
 * Runs a call that renames, links or removes. On Windows, which refuses such a call for the moment in which somebody else has
 * the thing open or is removing it, it is tried again for a good second. @throws what the last try threw.
 */
export const outlastUse: <T>(call: () => T) => T = isWindows ? outlastUseSync : (call) => call();

/** Renames a file to a name that may be taken, in one step for everybody who looks. @throws the system's error. */
export const replace: (from: string, to: string) => Promise<void> = isWindows
  ? replaceOnWindows
  : promises.rename;

/** The same on this very thread. */
export const replaceSync: (from: string, to: string) => void = isWindows
  ? (from, to) => outlastUseSync(() => renameSync(from, to))
  : renameSync;
