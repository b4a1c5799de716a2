import { describe, expect, it } from 'vitest';
import type { Copy } from '../../../src/document/backups/copies.ts';
import { policyOf } from '../../../src/document/backups/policy.ts';
import { outdated } from '../../../src/document/backups/rotation.ts';

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 27, 12);

/** Backups of these ages, in milliseconds; named after their hours. */
function copiesOf(ages: readonly number[]): Copy[] {
  return [...ages]
    .sort((a, b) => a - b)
    .map((age) => ({ name: `${age / HOUR}`, time: NOW - age, turn: 0, size: 1 }));
}

function keptOf(
  ages: readonly number[],
  options = {},
  isGood: (copy: Copy) => boolean = () => true,
): string[] {
  const copies = copiesOf(ages);
  const gone = outdated(copies, policyOf(options), isGood, NOW);
  return copies.filter((copy) => !gone.includes(copy)).map(({ name }) => name);
}

describe('of the backups', () => {
  it('the newest five stay, and the newest of each of seven days [B3]', () => {
    const hourly = Array.from({ length: 10 * 24 }, (_, hour) => hour * HOUR);
    // It is noon: the newest of an earlier day was made at 23 h, 13 hours ago and every 24 hours before that.
    expect(keptOf(hourly)).toEqual(['0', '1', '2', '3', '4', '13', '37', '61', '85', '109', '133', '157']);
  });

  it('none stays for more than 30 days, though it is among the newest [B3]', () => {
    expect(keptOf([DAY, 29 * DAY, 31 * DAY, 40 * DAY])).toEqual(['24', '696']);
  });

  it('the last one that is whole stays, whatever its age [B3]', () => {
    expect(keptOf([31 * DAY, 40 * DAY])).toEqual(['744']);
    const isGood = ({ time }: Copy) => NOW - time > 35 * DAY;
    expect(keptOf([DAY, 31 * DAY, 40 * DAY, 50 * DAY], {}, isGood)).toEqual(['24', '960']);
  });

  it('as many stay, for as many days, as the options say [B3]', () => {
    const hourly = Array.from({ length: 72 }, (_, hour) => hour * HOUR);
    expect(keptOf(hourly, { newest: 2, days: 0 })).toEqual(['0', '1']);
    expect(keptOf(hourly, { newest: 1, days: 2 })).toEqual(['0', '13', '37']);
    expect(keptOf([DAY, 3 * DAY], { longest: 2 })).toEqual(['24']);
    expect(keptOf([DAY, 2 * DAY], { newest: 0, days: 0 })).toEqual(['24']);
  });

  it('those stay that a clock which was ahead has dated into the future', () => {
    expect(keptOf([-DAY, DAY])).toEqual(['-24', '24']);
  });
});

it.each([
  [{ newest: -1 }, 'backups.newest must be a number, 0 or more, got -1.'],
  [{ days: Number.NaN }, 'backups.days must be a number, 0 or more, got NaN.'],
  [{ interval: '1s' as unknown as number }, 'backups.interval must be a number, 0 or more, got "1s".'],
  [{ keep: 3 } as object, 'backups.keep is not an option; the options are interval, newest, days, longest.'],
])('an option that cannot be used is refused by its name: %j', (options, message) => {
  expect(() => policyOf(options)).toThrow(message);
});
