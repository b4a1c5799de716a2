import { statSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from '../../storage/directory.ts';
import { read, split } from './tail.ts';

const BACKSTOP = 1_000;

/** Calls back with every new line of a log, through its replacements; never ends. */
export function followLog(path: string, offset: number, put: (line: string) => void): Promise<never> {
  let at = offset;
  let inode = inodeOf(path);

  function look(): void {
    const current = inodeOf(path);
    if (current !== inode) {
      inode = current;
      at = 0; // the old file was put aside when it was full
    }
    const bytes = read(path, at);
    at += bytes.length;
    for (const line of split(bytes)) put(line);
  }

  makeDirectory(dirname(path), 0o700);
  watch(dirname(path), look).on('error', () => {}); // the timer goes on without events
  setInterval(look, BACKSTOP);
  return new Promise(() => {});
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
