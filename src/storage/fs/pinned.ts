import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { O_NOFOLLOW } from './open-flags.ts';

const { O_RDONLY, O_DIRECTORY = 0 } = constants;
/** Linux: a descriptor that stands for a path and needs no right to read it. */
export const O_PATH = 0o10000000;

export const DIRECTORY = O_RDONLY | O_DIRECTORY;

let hasDescriptorPaths: boolean | undefined;

/** A path that leads to the very thing a descriptor is open on; undefined where the system has none. */
export function pathOfDescriptor(fd: number): string | undefined {
  hasDescriptorPaths ??= existsSync('/proc/self/fd/0') || existsSync('/proc/self/fd');
  return hasDescriptorPaths ? `/proc/self/fd/${fd}` : undefined;
}

/** Whether this process may change what belongs to others, and so must not be led astray by them. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/**
 * Runs a body with a path of a directory. For root on Linux, that path leads to one and the same directory as long as the
 * body runs, whatever its owner puts in its place meanwhile: what was checked in it and what is then changed in it are
 * in one place. For everybody else, and on other systems, it is the path as it was given.
 *
 * `link`: whether the directory may be given by a link, as that of a user's data, or must not, as one that Holdfast made.
 *
 * @throws the system's error where it cannot be opened: `ELOOP`, or `ENOTDIR`, for a link that must not be one.
 */
export function pinned<T>(
  directory: string,
  { link }: { readonly link: 'followed' | 'refused' },
  body: (path: string) => T,
): T {
  if (!isRoot()) return body(directory);
  const fd = openSync(directory, DIRECTORY | (link === 'refused' ? O_NOFOLLOW : 0));
  try {
    return body(pathOfDescriptor(fd) ?? directory);
  } finally {
    closeSync(fd);
  }
}

/** The same for a body that takes its time. */
export async function pinnedWhile<T>(
  directory: string,
  { link }: { readonly link: 'followed' | 'refused' },
  body: (path: string) => Promise<T>,
): Promise<T> {
  if (!isRoot()) return body(directory);
  const fd = openSync(directory, DIRECTORY | (link === 'refused' ? O_NOFOLLOW : 0));
  try {
    return await body(pathOfDescriptor(fd) ?? directory);
  } finally {
    closeSync(fd);
  }
}

/** Opens what is at a path without any right to it, for its owner, who may give himself one; Linux only. */
export function openByPathAlone(path: string): number {
  return openSync(path, O_PATH | O_NOFOLLOW);
}
