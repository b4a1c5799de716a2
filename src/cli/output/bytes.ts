import { InputError, shown } from '../../errors/input-error.ts';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;
const PATTERN = /^(\d+(?:\.\d+)?) ?(?:([kmgtp]?)(i?)b?)$/i;

/** A number of bytes as a person would say it: `999 B`, `12.3 kB`, `1.5 GB`. Never rounded up to the next unit. */
export function bytes(count: number): string {
  let unit = 0;
  let value = count;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${count} B` : `${(Math.floor(value * 10) / 10).toFixed(1)} ${UNITS[unit]}`;
}

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
