import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { KEPT } from './keep.ts';
import { LogFile } from './log-file.ts';

/* The program that goes on with the logs of a run; its argument is the directory of the run. It ends with its inputs. */

const directory = process.argv[2] ?? '';
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => {}); // meant for others
for (const name of ['stdout', 'stderr'] as const) if (isOpen(KEPT[name])) keep(name);

function isOpen(fd: number): boolean {
  try {
    const stats = fstatSync(fd);
    return stats.isFIFO() || stats.isSocket();
  } catch {
    return false;
  }
}

function keep(name: keyof typeof KEPT): void {
  const log = logOrNothing(join(directory, name));
  new Socket({ fd: KEPT[name], readable: true, writable: false })
    .on('data', (chunk) => log?.write(chunk))
    .on('error', () => {})
    .on('close', () => {
      log?.close();
      log?.noteDropped();
    });
}

/** A later run may have removed the log. */
function logOrNothing(path: string): LogFile | undefined {
  try {
    return LogFile.resume(path);
  } catch {
    return undefined;
  }
}
