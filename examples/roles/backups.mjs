import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { problemOf } from './model.mjs';

/**
 * @typedef {import('./model.mjs').Roles} Roles
 * @typedef {{ readonly name: string, readonly at: string, readonly bytes: number }} Backup `at`: ISO time
 */

/** Links and FIFOs are not backups, and nothing waits for them. */
const SAFELY = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** The backups that documents have left beside a file, the newest first. @param {string} path @returns {Backup[]} */
export function backupsOf(path) {
  const { directory, name } = placeOf(path);
  return readdirSync(directory)
    .flatMap((file) => {
      const at = timeOf(file, name);
      const bytes = at === undefined ? undefined : use(join(directory, file), (fd) => fstatSync(fd).size);
      return at === undefined || bytes === undefined ? [] : [{ name: file, at, bytes }];
    })
    .sort((a, b) => (a.name < b.name ? 1 : -1));
}

/**
 * What a backup has; undefined where there is none of this name, or none that can be used.
 *
 * @param {string} path @param {string} backup @param {number} maxBytes
 * @returns {{ readonly text: string, readonly value: Roles } | undefined}
 */
export function readBackup(path, backup, maxBytes) {
  const { directory, name } = placeOf(path);
  if (timeOf(backup, name) === undefined) return undefined;
  return use(join(directory, backup), (fd) => {
    if (fstatSync(fd).size > maxBytes) return undefined;
    const text = readFileSync(fd, 'utf8');
    const value = JSON.parse(text.replace(/^\uFEFF/, ''));
    return problemOf(value) === undefined ? { text, value } : undefined;
  });
}

/** Backups lie beside the real file. @param {string} path */
function placeOf(path) {
  let real = path;
  try {
    real = realpathSync(path);
  } catch {
    // There is no file just now, or its directory cannot be read.
  }
  return { directory: dirname(real), name: basename(real) };
}

/** `roles.json.20261127T194201.123Z.bak`: the time in it. @param {string} file @param {string} name */
function timeOf(file, name) {
  if (!file.startsWith(`${name}.`)) return undefined;
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z(?:-\d{1,3})?\.bak$/.exec(
    file.slice(name.length + 1),
  );
  if (found === null) return undefined;
  const [, year, month, day, hour, minute, second] = found;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}

/**
 * With a regular file opened; undefined if there is none, or it cannot be read.
 *
 * @template R @param {string} path @param {(fd: number) => R} body @returns {R | undefined}
 */
function use(path, body) {
  /** @type {number | undefined} */
  let fd;
  try {
    fd = openSync(path, SAFELY);
    return fstatSync(fd).isFile() ? body(fd) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
