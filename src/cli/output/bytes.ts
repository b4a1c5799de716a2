import { InputError, shown } from '../../errors/input-error.ts';

const PATTERN = /^(\d+(?:\.\d+)?) ?(?:([kmgtp]?)(i?)b?)$/i;

/**
 * Reads `500MB`, `1.5 GB`, `64MiB` or a plain number of bytes.
 *
 * @throws {InputError} naming the option and the word.
 */
export function parseBytes(option: string, word: string): number {
  const [, number = '', prefix = '', binary = ''] = PATTERN.exec(word) ?? [];
  if (number === '' || (binary !== '' && prefix === '')) {
    throw new InputError(option, `must be a size such as 500MB, 1.5GB or 64MiB, got ${shown(word)}`);
  }
  const power = ['', 'k', 'm', 'g', 't', 'p'].indexOf(prefix.toLowerCase());
  return Math.floor(Number(number) * (binary === '' ? 1000 : 1024) ** power);
}
