import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Region } from '../fixtures/stress-region.mjs';
import { tempDirectory } from '../support/temp.ts';

/** No process has it. */
const DEAD = 2 ** 22 + 1;

function place() {
  const home = tempDirectory();
  Region.make(join(home, 'x'));
  const complaints: string[] = [];
  const region = new Region(join(home, 'x'), 1, (complaint) => complaints.push(complaint));
  const inside = () => Region.markersIn(home, ['x']).map((marker) => marker.split('-').slice(3).join('-'));
  const leaveDead = (mode: string) => writeFileSync(join(home, 'x', 'inside', `${mode}-${DEAD}-1-dead`), '');
  return { region, complaints, inside, leaveDead };
}

it('a region lets in as many with a permit as there are, and complains of one more', () => {
  const { region, complaints, inside } = place();
  for (const hold of ['a', 'b', 'c']) region.enter('permit', hold, false, 3);
  expect(complaints).toEqual([]);

  region.enter('permit', 'd', false, 3);
  expect(complaints).toEqual([expect.stringContaining('d got one of 3 permits beside ')]);
  region.leave('permit', 'd');
  expect(complaints).toHaveLength(1);
  expect(inside().toSorted()).toEqual(['a', 'b', 'c']);
});

it('a region does not count the permits of the dead, and clears them away when they would be one too many', () => {
  const { region, complaints, inside, leaveDead } = place();
  leaveDead('permit');
  region.enter('permit', 'a', false, 2);
  expect(inside().toSorted()).toEqual(['a', 'dead']);
  region.enter('permit', 'b', false, 2);

  expect(complaints).toEqual([]);
  expect(inside().toSorted()).toEqual(['a', 'b']);
});

it.each([
  ['permit', 'shared'],
  ['permit', 'exclusive'],
  ['shared', 'permit'],
  ['exclusive', 'permit'],
  ['command', 'command'],
  ['command', 'shared'],
  ['exclusive', 'command'],
] as const)('a region complains when %s meets %s', (mode, other) => {
  const { region, complaints } = place();
  region.enter(other, 'first', false, 3);
  region.enter(mode, 'second', false, 3);
  expect(complaints).toEqual([expect.stringContaining(`${mode} second met ${other}-`)]);
});

it('a region wants to hear of a death inside, unless it was that of a command', () => {
  const { region, complaints, leaveDead } = place();
  for (const [mode, recovered] of [
    ['command', false],
    ['exclusive', true],
    ['permit', false],
  ] as const) {
    leaveDead(mode);
    region.enter('exclusive', 'next', recovered);
    region.leave('exclusive', 'next');
  }
  expect(complaints).toEqual([]);

  leaveDead('exclusive');
  region.enter('command', 'last', false);
  expect(complaints).toEqual([expect.stringContaining('and its lock was not recovered')]);
});
