import { watch } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from '../../storage/directory.ts';
import { clearInterval, setInterval } from '../../time/time.ts';
import type { LogReader } from './reader.ts';

const BACKSTOP = 1_000;

/** Calls back with every new line of a log, through its replacements, until the callback says that nobody listens. */
export function followLog(path: string, reader: LogReader, put: (line: string) => boolean): Promise<void> {
  makeDirectory(dirname(path), 'owner');
  return new Promise((resolve) => {
    const look = () => {
      if (reader.next().every(put)) return;
      clearInterval(timer);
      watcher.close();
      reader.close();
      resolve();
    };
    const watcher = watch(dirname(path), look).on('error', () => {}); // the timer goes on without events
    const timer = setInterval(look, BACKSTOP);
  });
}
