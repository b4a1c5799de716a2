import { expect, it } from 'vitest';
import { Names } from '../../../src/document/backups/names.ts';

const names = new Names('roles.json', 'bak');
const TIME = Date.UTC(2026, 10, 27, 19, 42, 1, 123);

it('a backup is named after its document and the time in UTC, with a number where that is taken [B2]', () => {
  expect(names.at({ time: TIME, turn: 0 })).toBe('roles.json.20261127T194201.123Z.bak');
  expect(names.at({ time: TIME, turn: 2 })).toBe('roles.json.20261127T194201.123Z-2.bak');
});

it.each([0, 1, 99])('a name tells its time, and its number %i', (turn) => {
  expect(names.read(names.at({ time: TIME, turn }))).toEqual({ time: TIME, turn });
});

it.each([
  'roles.json.bak',
  'roles.json.20261127T194201.123Z.bak.old',
  'roles.json.20261127T194201.123Z',
  'roles.json.20261327T194201.123Z.bak',
  'roles.json.20260231T194201.123Z.bak',
  'roles.json.20261127T194201.123Z-0.bak',
  'roles.json.20261127T194201.123Z-01.bak',
  'roles.json.20261127T194201.1234Z.bak',
  'my-roles.json.20261127T194201.123Z.bak',
  'roles.jsonx20261127T194201.123Z.bak',
  'roles.json.20261127T194201.123Z.corrupt',
  'roles.json.20261127T194201.123Z\n.bak',
])('no other name is taken for one of a backup: %s', (name) => {
  expect(names.read(name)).toBeUndefined();
});
