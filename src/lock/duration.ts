import { InputError, shown } from '../errors/input-error.ts';

const UNITS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const PATTERN = /^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/;

/**
 * Reads `500ms`, `5s`, `2m`, `1h30m`, or `0`; returns milliseconds.
 *
 * @throws {InputError} naming the option and the word.
 */
export function parseDuration(option: string, word: string): number {
  if (word === '0') return 0;
  const match = PATTERN.exec(word);
  if (match === null || word === '') {
    const hint = /^\d+(\.\d+)?$/.test(word) ? `; for seconds, write ${word}s` : '';
    throw new InputError(
      option,
      `must be a duration such as 500ms, 5s, 2m or 1h30m, got ${shown(word)}${hint}`,
    );
  }
  const [, hours = '0', minutes = '0', seconds = '0', milliseconds = '0'] = match;
  return (
    Number(hours) * UNITS.h +
    Number(minutes) * UNITS.m +
    Number(seconds) * UNITS.s +
    Number(milliseconds) * UNITS.ms
  );
}
