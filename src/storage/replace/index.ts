import { promises, renameSync } from 'node:fs';
import { makeWritable, outlastUseSync, replaceOnWindows } from './windows.ts';

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

/**
 * Before the removal of a file that may be read-only, such as a content, or a rename to its name: Windows would refuse it. Does
 * nothing elsewhere, where the right to rename is that of the directory.
 */
export const allowReplacing: (path: string) => void = isWindows ? makeWritable : () => {};

const MOUNTED = ['EBUSY', 'EXDEV'];

/**
 * Whether the system's answer to a rename means that nothing will ever take the place of this file, which is mounted by itself.
 * Windows answers so of a file that somebody has open: it will be closed.
 */
export const isMountedAlone: (code: string) => boolean = isWindows
  ? () => false
  : (code) => MOUNTED.includes(code);

/** Renames as `replace` does, on this very thread. */
export function replaceSync(from: string, to: string): void {
  outlastUse(() => renameSync(from, to));
}
