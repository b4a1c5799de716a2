import { readdirSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { printable, shellWord } from '../errors/describe.ts';
import { InaccessibleError } from '../errors/once-errors.ts';
import { lstatOrNothing } from '../storage/fs/stat.ts';
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
    throw new InaccessibleError(path, verb, `${code}. ${adviceOn(path, code)}`, error);
  }
}

function adviceOn(path: string, code: string): string {
  const elsewhere = 'choose another directory (HOLDFAST_HOME, or --directory)';
  const { at, stats } = nearest(path);
  const name = printable(at);
  if (stats === undefined) return `Look at ${name}, or ${elsewhere}`;
  if (code === 'ENOTDIR') return `${name} is not a directory: ${elsewhere}`;
  const user = process.getuid?.();
  if (user === undefined || (code !== 'EACCES' && code !== 'EPERM')) {
    return `Repair ${name}, or ${elsewhere}`;
  }
  if (stats.uid === user) return `Give its user access to ${name} again: chmod u+rwX ${shellWord(at)}`;
  const owner = stats.uid === 0 ? 'root' : `user id ${stats.uid}`;
  return `${name} belongs to ${owner}. Give it to this user (sudo chown -R ${user} ${shellWord(at)}), or ${elsewhere}`;
}

/** The nearest to a path that can be looked at: itself, or a directory above. */
function nearest(path: string): { readonly at: string; readonly stats: Stats | undefined } {
  for (let at = path; ; at = dirname(at)) {
    const stats = lstatOrNothing(at);
    if (stats !== undefined || at === dirname(at)) return { at, stats };
  }
}
