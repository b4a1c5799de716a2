import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import type { ExactCommand } from './exact.ts';

/** How many bytes of a script the system reads at least to find its interpreter, which may be a script in its turn. */
const FIRST_LINE = 256;
const DEEPEST = 4;

const SLASH = Buffer.from('/');

/**
 * Throws what `spawn` would emit for a command that cannot be run, where another program becomes the command: then
 * nothing tells its failure to do so from the command's own exit, so that the news of a dead holder would count as told;
 * and its own words say less.
 */
export function refuseUnrunnable({ words: [file], env }: ExactCommand): void {
  const path = env
    .find((entry) => entry.indexOf('PATH=') === 0)
    ?.toString('latin1')
    .slice('PATH='.length);
  if (path === undefined) return; // the system has a default
  const places = file.includes(SLASH) ? [file] : path.split(':').map((directory) => inside(directory, file));
  const errors = places.map((place) => errorOf(() => check(place)));
  if (errors.includes(undefined)) return;
  throw errors.find((error) => error?.code === 'EACCES') ?? errors[0];
}

/** An empty entry of PATH is the working directory. */
function inside(directory: string, file: Buffer): Buffer {
  return Buffer.concat([Buffer.from(directory === '' ? '.' : directory, 'latin1'), SLASH, file]);
}

function check(file: Buffer | string, depth = 0): void {
  accessSync(file, constants.X_OK);
  const stats = statSync(file);
  if (stats.isDirectory()) throw Object.assign(new Error('a directory'), { code: 'EACCES' });
  const interpreter = stats.isFile() && depth < DEEPEST ? interpreterOf(file) : undefined;
  if (interpreter !== undefined) check(interpreter, depth + 1);
}

/** The program that a script names in its first line; undefined where there is none, or this user may not read it. */
function interpreterOf(file: Buffer | string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    const buffer = Buffer.alloc(FIRST_LINE);
    const text = buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
    return /^#![ \t]*([^\s\0]+)[\s\0]/.exec(text)?.[1];
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function errorOf(call: () => void): NodeJS.ErrnoException | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}
