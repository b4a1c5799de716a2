import { sep } from 'node:path';
import { shellWord } from '../errors/describe.ts';

/** Where the locks on names lie, as the options of the command line say it: nowhere special, unless one is given. */
export interface CliPlace {
  readonly directory?: string;
  readonly system?: true;
}

/** Whether a word could be meant as a path: it has a path separator, or is `.` or `..`. */
export function looksLikeFile(word: string): boolean {
  return word.includes('/') || word.includes(sep) || word === '.' || word === '..';
}

/** How the command line names the lock on a file, quoted for a shell. */
export function cliNameOfFile(file: string): string {
  return shellWord(file.includes(sep) ? file : `.${sep}${file}`);
}

/** How the command line names the lock on a name, quoted for a shell, with the options by which it is found. */
export function cliNameOf(name: string, { directory, system }: CliPlace = {}): string {
  const place = directory === undefined ? [] : [`--directory ${shellWord(directory)}`];
  const words = [
    ...(system === true ? ['--system'] : place),
    ...(looksLikeFile(name) ? ['--name'] : []),
    ...(name.startsWith('-') ? ['--'] : []),
  ];
  return [...words, shellWord(name)].join(' ');
}

/** By which options the command line finds the locks of a manager with these. */
export function cliPlaceOf(directory: string | undefined, scope: 'user' | 'system' | undefined): CliPlace {
  if (directory === undefined) return scope === 'system' ? { system: true } : {};
  return { directory };
}
