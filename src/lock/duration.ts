import { InputError, shown } from '../errors/input-error.ts';

const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const PATTERN =
  /^(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/;

/**
 * Reads `500ms`, `5s`, `2m`, `1h30m`, `7d`, or `0`; returns milliseconds.
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
      `must be a duration such as 500ms, 5s, 2m, 1h30m or 7d, got ${shown(word)}${hint}`,
    );
  }
  const [, days = '0', hours = '0', minutes = '0', seconds = '0', milliseconds = '0'] = match;
  return (
    Number(days) * UNITS.d +
    Number(hours) * UNITS.h +
    Number(minutes) * UNITS.m +
    Number(seconds) * UNITS.s +
    Number(milliseconds) * UNITS.ms
  );
}
