import { chmodSync, promises } from 'node:fs';
import { systemCode } from '../../errors/base.ts';
import { setTimeout } from '../../time/time.ts';
import { sleepSync } from '../fs/sleep-sync.ts';
import { lstatOrNothing } from '../fs/stat.ts';

/** What Windows answers while somebody has the file open that is to be replaced: a reader, an indexer, a scanner. */
const IN_USE = ['EPERM', 'EACCES', 'EBUSY'];

/** Milliseconds to wait before each further try; the last one is tried after a good second. */
const PAUSES = [1, 2, 5, 10, 20, 50, 100, 200, 300, 400];

const OWNER_MAY_WRITE = 0o200;

/** Up to a quarter more, so that two who are in each other's way part. */
const jittered = (ms: number) => ms * (1 + Math.random() / 4);

const isInUse = (error: unknown) => IN_USE.includes(systemCode(error) ?? '');

export async function replaceOnWindows(from: string, to: string): Promise<void> {
  for (const ms of PAUSES) {
    try {
      return await promises.rename(from, to);
    } catch (error) {
      if (!isInUse(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, jittered(ms)));
    }
  }
  await promises.rename(from, to);
}

/** What is in the way otherwise is told by the call that comes next. */
export function makeWritable(path: string): void {
  const found = lstatOrNothing(path);
  if (found?.isFile() !== true || (found.mode & OWNER_MAY_WRITE) !== 0) return;
  try {
    chmodSync(path, 0o666);
  } catch {
    // Another user's.
  }
}

export function outlastUseSync<T>(call: () => T): T {
  for (const ms of PAUSES) {
    try {
      return call();
    } catch (error) {
      if (!isInUse(error)) throw error;
      sleepSync(jittered(ms));
    }
  }
  return call();
}
