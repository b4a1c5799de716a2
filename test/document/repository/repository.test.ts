import { readFileSync, writeFileSync } from 'node:fs';
import { openDocument, Repository } from 'holdfast/document';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nextNumber } from '../../../src/document/repository/repository.ts';
import { opened } from '../opened.ts';

interface Role {
  id: number;
  name: string;
  seats?: number;
}

const TEXT =
  '{\n  "roles": [\n    { "id": 7, "name": "reader", "big": 12345678901234567890 },\n    { "id": 3, "name": "writer" }\n  ]\n}\n';

async function repository(text = TEXT, list = 'roles') {
  const found = await opened(text);
  return { ...found, roles: new Repository<Role>(found.document, list) };
}

describe('a repository over a document', () => {
  it('lists, gets, inserts, updates and removes records by their identity, and leaves the bytes of all others [R57]', async () => {
    const { roles, text } = await repository();
    expect(roles.list().map(({ id }) => id)).toEqual([7, 3]);
    const made = await roles.insert({ name: 'guest' });
    expect(made).toMatchObject({ id: 8, value: { id: 8, name: 'guest' } });
    const changed = await roles.update(8, made.revision, (role) => {
      role.name = 'visitor';
    });
    expect(changed.revision).not.toBe(made.revision);
    expect(roles.get(8)).toEqual(changed);
    await roles.remove(8, changed.revision);
    const reader = roles.get(7);
    await roles.update(7, String(reader?.revision), (role) => ({ ...role, seats: 2 }));
    expect(text()).toBe(TEXT.replace('67890 }', '67890, "seats": 2 }'));
    expect(roles.get(99)).toBeUndefined();
  });

  it('refuses to change a record that another program, or another window, has changed since, and shows it [R57, D4]', async () => {
    const { roles, path, text } = await repository();
    const other = await openDocument(path);
    onTestFinished(() => other.close());
    const before = roles.get(3);
    const theirs = await new Repository<Role>(other, 'roles').update(3, String(before?.revision), (role) => {
      role.seats = 5;
    });
    const mine = roles.update(3, String(before?.revision), (role) => {
      role.seats = 1;
    });
    await expect(mine).rejects.toMatchObject({
      code: 'HOLDFAST_RECORD',
      reason: 'changed',
      id: 3,
      current: { revision: theirs.revision, value: { seats: 5 } },
    });
    await expect(roles.remove(3, String(before?.revision))).rejects.toMatchObject({ reason: 'changed' });
    writeFileSync(path, text().replace('"seats": 5', '"seats": 6'));
    await expect(roles.remove(3, theirs.revision)).rejects.toMatchObject({
      current: { value: { seats: 6 } },
    });
    writeFileSync(path, '{ "roles": [] }');
    await expect(roles.remove(3, theirs.revision)).rejects.toMatchObject({
      reason: 'removed',
      current: undefined,
    });
    expect(text()).toBe('{ "roles": [] }');
  });

  it('gives one of two windows that insert at once the next number, and refuses an identity that is taken', async () => {
    const { roles, path } = await repository('{ "roles": [] }');
    const other = await openDocument(path);
    onTestFinished(() => other.close());
    const twin = new Repository<Role>(other, 'roles');
    const made = await Promise.all([roles.insert({ name: 'a' }), twin.insert({ name: 'b' })]);
    expect(made.map(({ id }) => id).sort()).toEqual([1, 2]);
    await expect(roles.insert({ id: 2, name: 'c' })).rejects.toMatchObject({ reason: 'exists', id: 2 });
  });

  it('numbers a record whose identity is undefined, as one from a form, and however many there are [R57]', async () => {
    const { roles, text } = await repository('{ "roles": [] }');
    const made = await roles.insert({ id: undefined, name: 'a' } as unknown as Omit<Role, 'id'>);
    expect(made).toMatchObject({ id: 1, value: { id: 1, name: 'a' } });
    expect(text()).toMatch(/"id": 1,\s*"name"/);
    expect(nextNumber(Array.from({ length: 1_000_000 }, (_, id) => id))).toBe(1_000_000);
  });

  it('has a revision that the order of members does not change, and any value does', async () => {
    const { roles, path } = await repository('{ "roles": [{ "id": 1, "name": "a", "seats": 2 }] }');
    const { revision } = roles.get(1) ?? {};
    writeFileSync(path, '{ "roles": [{ "seats": 2, "name": "a", "id": 1 }] }');
    expect(roles.get(1)?.revision).toBe(revision);
    await roles.update(1, String(revision), () => undefined);
    writeFileSync(path, '{ "roles": [{ "seats": 3, "name": "a", "id": 1 }] }');
    expect(roles.get(1)?.revision).not.toBe(revision);
  });

  it('makes a list that is missing, skips what has no identity, and tells two of one identity apart', async () => {
    const { roles, path, text } = await repository('{}\n');
    expect(roles.list()).toEqual([]);
    await roles.insert({ name: 'a' });
    expect(JSON.parse(text())).toEqual({ roles: [{ id: 1, name: 'a' }] });
    writeFileSync(path, '{ "roles": ["x", { "id": 1, "name": "a" }, { "id": 1, "name": "b" }] }');
    const [, second] = roles.list();
    await roles.remove(1, String(second?.revision));
    expect(JSON.parse(readFileSync(path, 'utf8')).roles).toEqual(['x', { id: 1, name: 'a' }]);
  });

  it('changes no record whose identity is one double with that of another, and one that is alone [D26]', async () => {
    const text = '{"roles":[{"id":1234567890123456781,"name":"a"},{"id":1234567890123456782,"name":"a"}]}';
    const { roles, path, document } = await repository(text);
    const [{ id, revision } = { id: 0, revision: '' }] = roles.list();
    const refused = { code: 'HOLDFAST_INPUT', input: 'id' };
    expect(() => roles.get(id)).toThrow(/^id 1234567890123456800 is, as a double, that of 2 records\.$/);
    await expect(roles.remove(id, revision)).rejects.toMatchObject(refused);
    await expect(roles.update(id, revision, () => undefined)).rejects.toMatchObject(refused);
    expect(readFileSync(path, 'utf8')).toBe(text);
    const single = text.replace('1234567890123456782', '2');
    writeFileSync(path, single);
    const found = roles.get(id);
    await roles.update(id, String(found?.revision), (role) => ({ ...role, name: 'b' }));
    expect(readFileSync(path, 'utf8')).toBe(single.replace('"a"', '"b"'));
    expect(() => new Repository(document, 'teams[id=1234567890123456782].roles')).toThrow(
      'list must have no number beyond 2^53',
    );
  });

  it('refuses a changed identity, and a document without such a list, before anything is written', async () => {
    const { roles, path, text } = await repository();
    const rename = roles.update(3, String(roles.get(3)?.revision), (role) => {
      role.id = 4;
    });
    await expect(rename).rejects.toMatchObject({ code: 'HOLDFAST_INPUT' });
    expect(text()).toBe(TEXT);
    writeFileSync(path, '{ "roles": { "3": {} } }');
    expect(() => roles.list()).toThrow(/has no list at roles/);
    await expect(roles.insert({ name: 'a' })).rejects.toMatchObject({ code: 'HOLDFAST_DAMAGED' });
    expect(text()).toBe('{ "roles": { "3": {} } }');
  });
});
