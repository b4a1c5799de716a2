import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

/** @param {string} command @param {readonly string[]} args */
function works(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** flock(1) of util-linux. */
export const hasFlock = works('flock', ['--version']);

/** The interpreter that Debian's python3-filelock belongs to; undefined when that package is not there. */
export const pythonWithFilelock = works('/usr/bin/python3', ['-c', 'import filelock'])
  ? '/usr/bin/python3'
  : undefined;

/**
 * fs-native-extensions, which brings no types.
 *
 * @type {{ tryLock(fd: number): boolean, unlock(fd: number): void } | undefined}
 */
export const nativeExtensions = load('fs-native-extensions');

/**
 * write-file-atomic, which brings no types.
 *
 * @type {(path: string, text: string) => Promise<void>}
 */
export const writeFileAtomic = load('write-file-atomic');

/** @param {string} name */
function load(name) {
  try {
    return createRequire(import.meta.url)(name);
  } catch {
    return undefined; // no prebuilt binary for this platform
  }
}
