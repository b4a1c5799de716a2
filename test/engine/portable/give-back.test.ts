import { mkdirSync, renameSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { giveBack } from '../../../src/engine/portable/give-back.ts';
import { AwayError, refuseAway, refuseOther, whereabouts } from '../../../src/engine/portable/whereabouts.ts';
import { tempDirectory } from '../../support/temp.ts';
import { passTime } from '../../support/time.mjs';

/** Milliseconds in which what is left is tried again. */
const EVERY = 1000;

it('what lies in a directory that is away is not tried again before that is back [X57]', async () => {
  const parent = tempDirectory();
  const queue = join(parent, 'queue');
  mkdirSync(queue);
  const home = whereabouts(queue);
  renameSync(queue, join(parent, 'elsewhere'));
  const removeAway = vi.fn(() => refuseAway(home));
  const removeRefused = vi.fn(() => {
    if (removeRefused.mock.calls.length < 4) throw new Error('refused');
  });

  expect(giveBack('away', removeAway)).toBeInstanceOf(Error);
  expect(giveBack('refused', removeRefused)).toBeInstanceOf(Error);
  await passTime(3 * EVERY);
  expect(removeRefused).toHaveBeenCalledTimes(4);
  expect(removeAway).toHaveBeenCalledTimes(1);

  renameSync(join(parent, 'elsewhere'), queue);
  await passTime(EVERY);
  expect(removeAway).toHaveReturned();
});

it('what lies in many directories that are away is not forgotten, but looked for in turn [X57, H23]', async () => {
  const parent = tempDirectory();
  const queue = join(parent, 'queue');
  mkdirSync(queue);
  const home = whereabouts(queue);
  const goneForGood = home && { ...home, path: join(parent, 'gone') };
  renameSync(queue, join(parent, 'elsewhere'));
  const never = Array.from({ length: 150 }, () => vi.fn(() => refuseAway(goneForGood)));
  const removals = Array.from({ length: 100 }, () => vi.fn(() => refuseAway(home)));
  for (const [index, remove] of [...never, ...removals].entries()) giveBack(`away ${index}`, remove);

  renameSync(join(parent, 'elsewhere'), queue);
  await passTime(4 * EVERY);
  for (const remove of removals) expect(remove).toHaveReturned();
  for (const remove of never) expect(remove).toHaveBeenCalledTimes(1);
});

it('a drive that is mounted again under another number is looked into, and proves nothing by what is not there [X57]', () => {
  const queue = tempDirectory();
  const { dev, ino } = statSync(queue);
  const isBack = (home: Pick<Stats, 'dev' | 'ino'>) => new AwayError({ path: queue, ...home }).isBack();

  expect(isBack({ dev, ino })).toBe(true);
  expect(isBack({ dev: dev + 1, ino: ino + 1 })).toBe(true);
  expect(isBack({ dev, ino: ino + 1 })).toBe(false);
  expect(() => refuseAway({ path: queue, dev: dev + 1, ino })).toThrow(AwayError);
});

it('what is refused again and again keeps nothing else waiting [X57, H23]', async () => {
  const parent = tempDirectory();
  const queue = join(parent, 'queue');
  mkdirSync(queue);
  const home = whereabouts(queue);
  const renumbered = home && { ...home, dev: home.dev + 1 };
  const never = Array.from({ length: 150 }, () => vi.fn(() => refuseAway(renumbered)));
  for (const [index, remove] of never.entries()) giveBack(`never ${index}`, remove);
  renameSync(queue, join(parent, 'elsewhere'));
  const remove = vi.fn(() => refuseAway(home));
  giveBack('away', remove);

  renameSync(join(parent, 'elsewhere'), queue);
  await passTime(4 * EVERY);
  expect(remove).toHaveReturned();
});

it('what was removed from a copy of its drive is still to be removed from the drive [X57]', () => {
  const queue = tempDirectory();
  const { dev, ino } = statSync(queue);
  const removed = (home: Pick<Stats, 'dev' | 'ino'>) => () => refuseOther({ path: queue, ...home });

  expect(removed({ dev: dev + 1, ino: ino + 1 })).toThrow(AwayError);
  expect(removed({ dev: dev + 1, ino })).not.toThrow(); // the drive itself, under another number
  expect(removed({ dev, ino: ino + 1 })).not.toThrow(); // the directory was made anew
});
