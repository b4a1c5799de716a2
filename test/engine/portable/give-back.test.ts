import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { giveBack } from '../../../src/engine/portable/give-back.ts';
import { refuseAway, whereabouts } from '../../../src/engine/portable/whereabouts.ts';
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
