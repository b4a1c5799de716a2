import { readdirSync } from 'node:fs';
import { adviceOn, elsewhere } from '../errors/advice.ts';
import { systemCode } from '../errors/base.ts';
import { InaccessibleError } from '../errors/once-errors.ts';
import { readOwnFile } from '../storage/own-file.ts';

/** What a record's file holds; undefined when there is none. @throws {InaccessibleError} */
export function readRecordFile(path: string): Buffer | undefined {
  return accessing(path, 'read', () => readOwnFile(path));
}

/** The names in a directory of records, none when it was not made yet. @throws {InaccessibleError} */
export function namesIn(directory: string): string[] {
  return accessing(directory, 'read', () => {
    try {
      return readdirSync(directory);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  });
}

/** Has the system's refusals say whose it is, and what to do. @throws {InaccessibleError} */
export function accessing<T>(path: string, verb: 'read' | 'removed', action: () => T): T {
  try {
    return action();
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    throw new InaccessibleError(path, verb, `${code}. ${adviceOnRecords(path, code, error)}`, error);
  }
}

/** What helps where something of the records cannot be used: a sentence without its full stop. */
export function adviceOnRecords(path: string, code: string, error: unknown): string {
  return adviceOn(path, code, error, { kept: 'for one user', others: [elsewhere('command line')] });
}
