import { sep } from 'node:path';
import { shellWord } from '../errors/describe.ts';

/** Where the locks on names lie, as the options of the command line say it: nowhere special, unless one is given. */
export interface CliPlace {
  readonly directory?: string;
  readonly system?: true;
}

/** Whether the command line takes a word for a data file unless it is told otherwise (`--name`). */
export function looksLikeFile(word: string): boolean {
  return word.includes('/') || word.includes(sep);
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
