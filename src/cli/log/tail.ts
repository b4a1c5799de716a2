import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * The last lines of a log, together with the files that were put aside when they were full. `offset` is where the newest
 * file was left. A log that was never written has no lines.
 */
export function lastLines(path: string, count: number): { lines: string[]; offset: number } {
  const newest = read(path);
  const lines = split(newest);
  for (const aside of putAside(path)) {
    if (lines.length >= count) break;
    lines.unshift(...split(read(aside)));
  }
  return { lines: lines.slice(Math.max(0, lines.length - count)), offset: newest.length };
}

/** Everything in a file from an offset to the last line end; empty when there is no such file. */
export function read(path: string, offset = 0): Buffer {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return Buffer.alloc(0);
  }
  try {
    const size = Math.max(0, fstatSync(fd).size - offset);
    const bytes = Buffer.alloc(size);
    const length = readSync(fd, bytes, 0, size, offset);
    return bytes.subarray(0, bytes.subarray(0, length).lastIndexOf(10) + 1);
  } finally {
    closeSync(fd);
  }
}

export function split(bytes: Buffer): string[] {
  return bytes.toString().split('\n').filter(Boolean);
}

/** The files put aside, newest first: their names end with the time. */
function putAside(path: string): string[] {
  const prefix = `${basename(path)}.`;
  try {
    return readdirSync(dirname(path))
      .filter((name) => name.startsWith(prefix))
      .sort()
      .reverse()
      .map((name) => join(dirname(path), name));
  } catch {
    return [];
  }
}
