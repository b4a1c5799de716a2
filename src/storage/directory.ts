import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { statOrNothing } from './fs/stat.ts';

const STICKY = 0o1000;
const WORLD_WRITABLE = 0o002;

/**
 * Makes a directory and its parents; returns normally when it is there already, whoever made it. A mode with the sticky
 * bit is for everybody, so it is set whole, past the umask.
 */
export function makeDirectory(path: string, mode: number): void {
  // Not mkdir's own `recursive`, which in Node.js 20 never returns below a directory that takes no entries (/proc).
  try {
    makeOne(path, mode);
  } catch (error) {
    const parent = dirname(path);
    if (systemCode(error) !== 'ENOENT' || parent === path) throw error;
    if (!isDirectory(parent)) makeDirectory(parent, mode & ~STICKY);
    makeOne(path, mode); // also where somebody else has just made the parent
  }
}

function makeOne(path: string, mode: number): void {
  try {
    mkdirSync(path, mode & ~STICKY);
    if ((mode & STICKY) !== 0) chmodSync(path, mode);
  } catch (error) {
    if (!isDirectory(path)) throw error;
  }
}

function isDirectory(path: string): boolean {
  return statOrNothing(path)?.isDirectory() === true;
}

/**
 * Whether other users could replace what lies in this directory: it is world-writable without the sticky bit, or with
 * the bit but owned by neither root nor this user. Returns what is wrong, or undefined. Says nothing about Windows,
 * where modes carry no such meaning.
 */
export function unsafeDirectory(path: string): string | undefined {
  if (process.getuid === undefined) return undefined;
  const stats = statOrNothing(path); // through links: the mode of a link itself says nothing
  if (stats === undefined || (stats.mode & WORLD_WRITABLE) === 0) return undefined;
  if ((stats.mode & STICKY) === 0) {
    return 'is a directory that every user can change (mode without the sticky bit), so any user could swap lock files';
  }
  if (stats.uid !== 0 && stats.uid !== process.getuid()) {
    return `is a directory shared by all users and owned by user id ${stats.uid}, who could swap lock files`;
  }
  return undefined;
}
