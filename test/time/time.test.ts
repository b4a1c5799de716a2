import { expect, it } from 'vitest';
import { Date as Calendar } from '../../src/time/time.ts';

it('a number that no date can say is the last date that can be said, and no error in a list [H15]', () => {
  const shown = [1e17, Number.POSITIVE_INFINITY, -1e17].map((time) => new Calendar(time).toISOString());
  expect(shown).toEqual([
    '+275760-09-13T00:00:00.000Z',
    '+275760-09-13T00:00:00.000Z',
    '-271821-04-20T00:00:00.000Z',
  ]);
});
