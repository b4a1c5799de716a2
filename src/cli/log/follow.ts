import { dirname } from 'node:path';
import { watchOrNothing } from '../../once/command/follow.ts';
import { makeDirectory } from '../../storage/directory.ts';
import { clearInterval, setInterval } from '../../time/time.ts';
import { whenUnread } from '../output/unread.ts';
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
      stopLooking();
      clearInterval(timer);
      watcher?.close();
      reader.close();
    };
    const leave = () => {
      end();
      resolve();
    };
    const look = () => {
      try {
        if (!reader.next().every(put)) leave();
      } catch (error) {
        end();
        reject(error);
      }
    };
    const watcher = watchOrNothing(dirname(path), look);
    const timer = setInterval(look, BACKSTOP);
    const stopLooking = whenUnread(leave);
  });
}
