import { watch } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from '../../storage/directory.ts';
import { clearInterval, setInterval } from '../../time/time.ts';
import { isUnread } from '../output/unread.ts';
import type { LogReader } from './reader.ts';

const BACKSTOP = 1_000;

/**
 * Calls back with every new line of a log, through its replacements, until the callback says that nobody listens, or nobody
 * reads standard output any more.
 *
 * @throws as `LogReader` does, for what takes the place of the log.
 */
export function followLog(path: string, reader: LogReader, put: (line: string) => boolean): Promise<void> {
  makeDirectory(dirname(path), 'owner');
  return new Promise((resolve, reject) => {
    const end = () => {
      clearInterval(timer);
      watcher.close();
      reader.close();
    };
    const look = () => {
      try {
        if (!isUnread() && reader.next().every(put)) return;
        end();
        resolve();
      } catch (error) {
        end();
        reject(error);
      }
    };
    const watcher = watch(dirname(path), look).on('error', () => {}); // the timer goes on without events
    const timer = setInterval(look, BACKSTOP);
  });
}
