import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Backups } from '../../../src/document/backups/backups.ts';
import { Names } from '../../../src/document/backups/names.ts';
import { type Found, prepareRecovery } from '../../../src/document/recovery/recovery.ts';
import { recordsIn } from '../../../src/json/records.ts';
import { finish, type Work } from '../../../src/lock/work.ts';
import { tempDirectory } from '../../support/temp.ts';

const rolesOf = (count: number) =>
  JSON.stringify(
    { roles: Array.from({ length: count }, (_, id) => ({ id, name: `role ${id}` })) },
    undefined,
    2,
  );

// biome-ignore lint/correctness/useYield: it takes no time
function* isGood(text: string): Work<boolean> {
  try {
    return 'roles' in JSON.parse(text);
  } catch {
    return false;
  }
}

const recover = (backups: Backups, found: Found, chosen?: string) =>
  finish(prepareRecovery(backups, found, isGood, chosen));

/** A document that is damaged, and backups of it: their texts, from the oldest to the newest. */
function damagedDocument(bytes: Buffer, texts: readonly (string | Buffer)[]) {
  const directory = tempDirectory();
  const path = join(directory, 'roles.json');
  writeFileSync(path, bytes);
  const writtenAt = new Date();
  const names = texts.map((text, at) => {
    const name = new Names('roles.json', 'bak').at({
      time: Date.now() - (texts.length - at) * 1_000,
      turn: 0,
    });
    writeFileSync(join(directory, name), text);
    return name;
  });
  return { directory, path, names, backups: new Backups(path), damaged: { bytes, writtenAt } };
}

describe('the recovery of a damaged document', () => {
  const CUT = Buffer.from(rolesOf(10).slice(0, 300));

  it('takes the newest backup that is whole, past torn ones, and first keeps the damaged file', () => {
    const torn = ['', '{"roles":[', '{"other":1}', Buffer.alloc(100), Buffer.from([0xff, 0xfe, 0x7b, 0])];
    const { directory, names, backups, damaged } = damagedDocument(CUT, [rolesOf(1), rolesOf(3), ...torn]);
    const { text, restored } = recover(backups, damaged) ?? {};
    expect(text).toBe(rolesOf(3));
    expect(restored?.backup).toBe(names[1]);
    expect(readFileSync(join(directory, restored?.corrupt ?? ''))).toEqual(CUT);
    expect(restored?.corrupt).toMatch(/^roles\.json\.\d{8}T\d{6}\.\d{3}Z\.corrupt$/);
  });

  it('tells both names, both times and how many records were lost', () => {
    const { names, backups, damaged } = damagedDocument(CUT, [rolesOf(2)]);
    const counted = recordsIn(CUT);
    expect(counted).toBeGreaterThan(4);
    const restored = recover(backups, damaged)?.restored;
    expect(restored).toMatchObject({
      backup: names[0],
      damagedAt: damaged.writtenAt,
      recordsLost: counted - 2,
    });
    expect(restored?.from.getTime()).toBeLessThan(damaged.writtenAt.getTime());
    const known = { ...damaged, lastKnown: rolesOf(10) };
    expect(recover(backups, known)?.restored.recordsLost).toBe(8);
  });

  it('takes the backup that was chosen, and no other one', () => {
    const { names, backups, damaged } = damagedDocument(CUT, [rolesOf(1), rolesOf(2), rolesOf(3)]);
    const [, chosen = ''] = names;
    expect(backups.list().map(({ name }) => name)).toEqual([...names].reverse());
    expect(recover(backups, damaged, chosen)?.text).toBe(rolesOf(2));
    expect(recover(backups, damaged, 'roles.json')).toBeUndefined();
  });

  it.each([
    ['no backup', []],
    ['none that is whole', ['{', '']],
  ])('touches nothing when there is %s', (_, texts) => {
    const { directory, backups, damaged } = damagedDocument(CUT, texts);
    const before = readdirSync(directory);
    expect(recover(backups, damaged)).toBeUndefined();
    expect(readdirSync(directory)).toEqual(before);
  });

  it('changes no backup, and keeps the damaged file once, however often it begins', () => {
    const { directory, path, names, backups, damaged } = damagedDocument(CUT, Array(9).fill(rolesOf(2)));
    for (let time = 0; time < 5; time++) recover(backups, damaged);
    expect(backups.list().map(({ name }) => name)).toEqual([...names].reverse());
    expect(readdirSync(directory).filter((name) => name.endsWith('.corrupt'))).toHaveLength(1);
    expect(readFileSync(path)).toEqual(CUT);
  });
});

describe('the records of a text', () => {
  it.each([
    ['', 0],
    ['\0\0\0\0', 0],
    ['{"a":{"b":{}}}', 0],
    ['[{},{},[{}]]', 3],
    ['{"roles":[{"name":"[{}] \\" [{"},{"permissions":["{","}"]}]}', 2],
    ['{"roles":[{"id":1},{"id":2},{"id', 3],
    ['{"roles":[{"id":1}]}]}}}{"more":[{"id":2}', 2],
  ])('are the objects in its arrays, whole or not: %j', (text, count) => {
    expect(recordsIn(Buffer.from(text))).toBe(count);
  });

  it('are counted in a time that grows as the text does', () => {
    expect(recordsIn(Buffer.from('[{'.repeat(200_000)))).toBe(200_000);
    expect(recordsIn(Buffer.from(`[{"${'\\"'.repeat(500_000)}`))).toBe(1);
  });
});
