import { statSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from '../../storage/directory.ts';
import { read, split } from './tail.ts';

const BACKSTOP = 1_000;

/** Calls back with every new line of a log, through its replacements, until the callback says that nobody listens. */
export function followLog(path: string, offset: number, put: (line: string) => boolean): Promise<void> {
  let at = offset;
  let inode = inodeOf(path);

  function look(): 'listened' | 'left' {
    const current = inodeOf(path);
    if (current !== inode) {
      inode = current;
      at = 0; // the old file was put aside when it was full
    }
    const bytes = read(path, at);
    at += bytes.length;
    return split(bytes).every(put) ? 'listened' : 'left';
  }

  makeDirectory(dirname(path), 0o700);
  return new Promise((resolve) => {
    const lookOrLeave = () => {
      if (look() === 'listened') return;
      clearInterval(timer);
      watcher.close();
      resolve();
    };
    const watcher = watch(dirname(path), lookOrLeave).on('error', () => {}); // the timer goes on without events
    const timer = setInterval(lookOrLeave, BACKSTOP);
  });
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
