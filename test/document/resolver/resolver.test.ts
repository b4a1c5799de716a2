import { chmodSync, chownSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Answers,
  openDocument,
  resolveConflict,
  resolvedValue,
  unresolvedConflicts,
} from 'holdfast/document';
import { merge } from 'holdfast/merge';
import { describe, expect, it, onTestFinished } from 'vitest';
import { keepConflict } from '../../../src/document/conflicts.ts';
import { steps } from '../../../src/document/file/publish.ts';
import { formatJson } from '../../../src/json/format.ts';
import type { Json } from '../../../src/json/json.ts';
import { parseJson } from '../../../src/json/parse.ts';
import { needsRoot } from '../../support/root.ts';
import { memoryDirectory } from '../../support/temp.ts';
import { type Counter, opened, setting } from '../opened.ts';

const NOBODY = 65_534;
const BASE = '{\n  "a": 0,\n  "roles": [{ "id": 1, "name": "x" }],\n  "big": 12345678901234567890\n}\n';

/** A document in which the edits of this program met a text of somebody else. */
async function conflicting(edit: (draft: Counter) => void, theirs: string | undefined, base = BASE) {
  const found = await opened(base);
  found.document.edit(edit);
  if (theirs === undefined) rmSync(found.path);
  else writeFileSync(found.path, theirs);
  await expect(found.document.save()).rejects.toMatchObject({ code: 'HOLDFAST_CONFLICT' });
  const [unresolved] = await unresolvedConflicts(found.path);
  if (unresolved === undefined) throw new Error('there is no conflict file');
  const files = (end: string) => readdirSync(found.directory).filter((name) => name.endsWith(end));
  const read = (name: string | undefined) => readFileSync(join(found.directory, String(name)), 'utf8');
  return { ...found, unresolved, files, read };
}

const rename = (name: string) => (draft: Counter) => {
  draft.roles = [{ id: 1, name }];
};

describe('the resolver of conflicts', () => {
  it('shows all three values of each conflict, and writes what was chosen with what both agree on [R37, R38, R53]', async () => {
    const theirs = BASE.replace('"x"', '"theirs"').replace('"a": 0', '"a": 5');
    const { unresolved, path, text } = await conflicting(rename('ours'), theirs);
    expect(unresolved.conflicts).toMatchObject([
      { kind: 'edit-edit', text: 'roles[id=1].name', base: 'x', ours: 'ours', theirs: 'theirs' },
    ]);
    await resolveConflict(path, unresolved.file, 'ours');
    expect(text()).toBe(theirs.replace('"theirs"', '"ours"'));
    expect(await unresolvedConflicts(path)).toEqual([]);
  });

  it('keeps both versions as backups, with their names told, and drops the conflict file [R39, B1]', async () => {
    const theirs = BASE.replace('"x"', '"theirs"');
    const { unresolved, path, files, read } = await conflicting(rename('ours'), theirs);
    const { backup, ours, isWritten } = await resolveConflict(path, unresolved.file, 'theirs');
    expect(isWritten).toBe(false);
    expect(read(backup)).toBe(theirs);
    expect(read(ours)).toBe(BASE.replace('"x"', '"ours"'));
    expect(files('.conflict')).toEqual([]);
    expect(files('.meta')).toEqual([]);
  });

  it('has both backups before it writes, and drops the conflict file after it [R40]', async () => {
    const { unresolved, path, files } = await conflicting(rename('ours'), BASE.replace('"x"', '"theirs"'));
    let seen: readonly number[] = [];
    steps.reached = (step) => {
      if (step === 'before-fresh') seen = [files('.bak').length, files('.conflict').length];
    };
    await resolveConflict(path, unresolved.file, 'ours').finally(() => {
      steps.reached = undefined;
    });
    expect(seen).toEqual([2, 1]);
    expect(files('.conflict')).toEqual([]);
  });

  it('asks again for what others changed since it was shown, and writes nothing [R37]', async () => {
    const base = '{ "a": 0, "b": 0 }';
    const edit = (draft: Counter) => Object.assign(draft, { a: 1, b: 1 });
    const { unresolved, path, text, files } = await conflicting(edit, '{ "a": 2, "b": 2 }', base);
    const answers: Answers = Object.fromEntries(unresolved.conflicts.map(({ key }) => [key, 'ours']));
    writeFileSync(path, '{ "a": 2, "b": 3 }');
    await expect(resolveConflict(path, unresolved.file, answers)).rejects.toMatchObject({
      code: 'HOLDFAST_CONFLICT',
      conflicts: [{ text: 'b', theirs: 3 }],
    });
    expect(text()).toBe('{ "a": 2, "b": 3 }');
    expect(files('.bak')).toEqual([]);
    const [again] = await unresolvedConflicts(path);
    expect(again?.conflicts.map(({ key }) => Object.hasOwn(answers, key))).toEqual([true, false]);
  });

  it('takes the value of before, another one, or both of two records that were added [R39]', async () => {
    const added = (name: string) => BASE.replace('}]', `}, { "id": 2, "name": "${name}" }]`);
    const { unresolved, path, text } = await conflicting(
      (draft) => {
        (draft.roles as object[]).push({ id: 2, name: 'ours' });
        draft.a = 1;
      },
      added('theirs').replace('"a": 0', '"a": 2'),
    );
    const [a, record] = unresolved.conflicts;
    const answers: Answers = { [String(a?.key)]: { value: 9 }, [String(record?.key)]: 'both' };
    expect(resolvedValue(unresolved, { [String(a?.key)]: 'base' })).toMatchObject({ a: 0 });
    await resolveConflict(path, unresolved.file, answers);
    expect(JSON.parse(text())).toMatchObject({
      a: 9,
      roles: [{ id: 1 }, { id: 2, name: 'ours' }, { id: 3, name: 'theirs' }],
    });
    expect(text()).toContain('12345678901234567890');
  });

  it.each([
    ['ours', []],
    ['theirs', [{ id: 1, name: 'theirs' }]],
  ] as const)('of a record that ours removed and theirs changed takes %s', async (choice, roles) => {
    const { unresolved, path, document } = await conflicting(
      (draft) => {
        draft.roles = [];
      },
      BASE.replace('"x"', '"theirs"'),
    );
    expect(unresolved.conflicts).toMatchObject([{ kind: 'delete-edit', text: 'roles[id=1]' }]);
    await resolveConflict(path, unresolved.file, choice);
    await document.reload({ edits: 'drop' });
    expect(document.read().roles).toEqual(roles);
  });

  it.each([
    ['edit-delete', 'ours', '[{"id":#1},{"id":#2,"v":"ours"}]'],
    ['edit-delete', 'theirs', '[{"id":#1}]'],
    ['delete-edit', 'ours', '[{"id":#1}]'],
    ['delete-edit', 'theirs', '[{"id":#1},{"id":#2,"v":"theirs"}]'],
    ['edit-edit', 'ours', '[{"id":#1},{"id":#2,"v":"ours"}]'],
    ['edit-edit', 'theirs', '[{"id":#1},{"id":#2,"v":"theirs"}]'],
  ] as const)(
    'of an %s at an id that no double holds takes %s [D26, R39]',
    async (kind, choice, expected) => {
      const file = (records: string) => `{"a":${records.replaceAll('#', '123456789012345678')}}`;
      const { unresolved, path, text } = await conflicting(
        ({ a }) => {
          const records = a as unknown as { v: string }[];
          if (kind === 'delete-edit') records.pop();
          else (records[1] as { v: string }).v = 'ours';
        },
        file(kind === 'edit-delete' ? '[{"id":#1}]' : '[{"id":#1},{"id":#2,"v":"theirs"}]'),
        file('[{"id":#1},{"id":#2,"v":"x"}]'),
      );
      const place = kind === 'edit-edit' ? 'a[id=1234567890123456782].v' : 'a[id=1234567890123456782]';
      expect(unresolved.conflicts).toMatchObject([{ kind, text: place }]);
      await resolveConflict(path, unresolved.file, choice);
      expect(text()).toBe(file(expected));
    },
  );

  it('gives the second of two records the next id, also where no double holds it [D26, R39]', () => {
    const base = '{"a":[{"id":1},{"id":1234567890123456781}]}';
    const file = (id: string, v: string) => base.replace(']', `,{"id":${id},"v":"${v}"}]`);
    const found = {
      merged: parseJson(file('1234567890123456782', 'ours')).value,
      conflicts: merge<Json>(
        parseJson(base).value,
        parseJson(file('1234567890123456782', 'ours')).value,
        parseJson(file('1234567890123456782', 'theirs')).value,
      ).conflicts.map((conflict) => ({ ...conflict, key: 'k' })),
    } as unknown as Parameters<typeof resolvedValue>[0];
    expect(formatJson(resolvedValue(found, { k: 'both' }) as Json, { indent: '', newline: '' })).toBe(
      file('1234567890123456782', 'ours').replace(']', ',{"id":1234567890123456783,"v":"theirs"}]'),
    );
  });

  it('makes a document that was deleted again, or leaves it so, and the other version is a backup', async () => {
    const { unresolved, path, text, files } = await conflicting(setting('a', 1), undefined);
    expect(unresolved.conflicts).toMatchObject([{ kind: 'edit-delete', text: '' }]);
    await resolveConflict(path, unresolved.file, 'ours');
    expect(text()).toBe(BASE.replace('"a": 0', '"a": 1'));
    const again = await conflicting(setting('a', 2), undefined);
    const { ours, isWritten } = await resolveConflict(again.path, again.unresolved.file, 'theirs');
    expect(isWritten).toBe(false);
    expect(again.read(ours)).toContain('"a": 2');
    expect([...again.files('.conflict'), ...files('.conflict')]).toEqual([]);
    expect(readdirSync(again.directory)).not.toContain('roles.json');
  });

  it('without the facts about a conflict file asks for all that differs, and merges nothing by guess', async () => {
    const theirs = BASE.replace('"a": 0', '"a": 5').replace('"x"', '"theirs"');
    const { path, files, directory } = await conflicting(rename('ours'), theirs);
    for (const name of files('.meta')) rmSync(join(directory, name));
    const [bare] = await unresolvedConflicts(path);
    expect(bare?.meta).toBeUndefined();
    expect(bare?.conflicts.map(({ text }) => text)).toEqual(['a', 'roles[id=1]']);
    expect(bare?.conflicts.map(({ base }) => base)).toEqual([undefined, undefined]);
  });

  it.each([
    ['ours', 'ours', '3y 2x 1y 4x'],
    ['theirs', 'theirs', '1x 2x 3x 5x'],
    ['ours', 'theirs', '3x 2x 1x 5x'],
    ['theirs', 'ours', '1y 4x 2x 3y'],
  ] as const)(
    'without the facts about a conflict file asks for the order of records, too: that of %s with the records of %s [R37]',
    async (order, records, expected) => {
      const list = (text: string) => text.split(' ').map((each) => ({ id: Number(each[0]), name: each[1] }));
      const text = (a: number, records: string) => JSON.stringify({ a, list: list(records) });
      const edit = (draft: Counter) => void Object.assign(draft, { a: 1, list: list('3y 2x 1y 4x') });
      const { document, path, files, directory } = await conflicting(
        edit,
        text(2, '1x 2x 3x 5x'),
        text(0, '1x 2x 3x'),
      );
      for (const file of files('.meta')) rmSync(join(directory, file));
      const [bare] = await unresolvedConflicts(path);
      const places = bare?.conflicts.map((conflict) => conflict.text);
      expect(places).toEqual(['a', 'list', ...[3, 1, 4, 5].map((id) => `list[id=${id}]`)]);
      const answers = bare?.conflicts.map(({ text, key }) => [key, text === 'list' ? order : records]);
      await resolveConflict(path, bare?.file ?? '', Object.fromEntries(answers ?? []));
      await document.reload({ edits: 'drop' });
      const found = (document.read() as unknown as { list: { id: number; name: string }[] }).list;
      expect(found.map(({ id, name }) => `${id}${name}`).join(' ')).toBe(expected);
    },
  );

  it.each(['lost', 'damaged'])(
    'asks for each member that one side alone has where the common ancestor is %s, and offers no ancestor [R37, D21]',
    async (how) => {
      const base =
        '{ "a": 0, "kept": 1, "gone": { "x": 1 }, "tags": ["a"], "list": [{ "id": 1 }, { "id": 2 }] }';
      const edit = (draft: Counter) => {
        Object.assign(draft, { a: 1, mine: true, tags: ['a', 'b'], list: [{ id: 2 }, { id: 3 }] });
        delete draft.gone;
      };
      const theirs =
        '{ "a": 2, "kept": 1, "gone": { "x": 1 }, "tags": ["c"], "list": [{ "id": 1 }, { "id": 2 }], "new": 5 }';
      const { path, text, files, directory } = await conflicting(edit, theirs, base);
      for (const name of files('.meta')) {
        const meta = join(directory, name);
        if (how === 'lost') rmSync(meta);
        else writeFileSync(meta, JSON.stringify({ ...JSON.parse(readFileSync(meta, 'utf8')), base: '{' }));
      }
      const [bare] = await unresolvedConflicts(path);
      if (bare === undefined) throw new Error('there is no conflict file');
      expect(bare.meta).toBeUndefined();
      const places = bare.conflicts.map((conflict) => [conflict.text, conflict.ours, conflict.theirs]);
      expect(places).toEqual([
        ['a', 1, 2],
        ['tags', ['a', 'b'], ['c']],
        ['list[id=3]', { id: 3 }, undefined],
        ['list[id=1]', undefined, { id: 1 }],
        ['mine', true, undefined],
        ['gone', undefined, { x: 1 }],
        ['new', undefined, 5],
      ]);
      const answers = (choice: 'ours' | 'theirs' | 'base') =>
        Object.fromEntries(bare.conflicts.map(({ key }) => [key, choice]));
      const { [bare.conflicts.at(-1)?.key ?? '']: _, ...some } = answers('theirs');
      const refused = { code: 'HOLDFAST_CONFLICT', conflicts: [{ text: 'new' }] };
      await expect(resolveConflict(path, bare.file, some)).rejects.toMatchObject(refused);
      const lost = { code: 'HOLDFAST_INPUT', input: 'answers' };
      await expect(resolveConflict(path, bare.file, answers('base'))).rejects.toMatchObject(lost);
      expect(text()).toBe(theirs);
      expect(resolvedValue(bare, answers('ours'))).toEqual(bare.ours);
      expect(resolvedValue(bare, 'theirs')).toEqual(JSON.parse(theirs));
      await resolveConflict(path, bare.file, 'ours');
      expect(JSON.parse(text())).toEqual(bare.ours);
    },
  );

  it('merges as the program did, and asks as a whole where only its schema was against it', async () => {
    const found = await opened('{ "a": 0, "stock": 4 }', { merge: { strategies: { stock: 'sum' } } });
    found.document.edit((draft) => Object.assign(draft, { a: 1, stock: 5 }));
    writeFileSync(found.path, '{ "a": 2, "stock": 6 }');
    await expect(found.document.save()).rejects.toThrow();
    const [unresolved] = await unresolvedConflicts(found.path);
    await resolveConflict(found.path, String(unresolved?.file), 'ours');
    expect(JSON.parse(found.text())).toEqual({ a: 1, stock: 7 });

    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) => {
          const { a, b } = value as { a: number; b: number };
          return a + b > 1 ? { issues: [{ message: 'too much' }] } : { value: value as Counter };
        },
      },
    };
    const strict = await opened('{ "a": 0, "b": 0 }', { schema });
    strict.document.edit(setting('a', 1));
    writeFileSync(strict.path, '{ "a": 0, "b": 1 }');
    await expect(strict.document.save()).rejects.toMatchObject({ conflicts: [{ kind: 'invalid' }] });
    const [invalid] = await unresolvedConflicts(strict.path);
    expect(invalid?.conflicts).toMatchObject([{ kind: 'invalid', text: '', ours: { a: 1, b: 0 } }]);
    await resolveConflict(strict.path, String(invalid?.file), 'ours', { schema });
    expect(JSON.parse(strict.text())).toEqual({ a: 1, b: 0 });
  });

  it('refuses a file that is no conflict file of the document, and leaves it', async () => {
    const { path, text } = await conflicting(rename('ours'), BASE.replace('"x"', '"theirs"'));
    const before = text();
    for (const name of ['roles.json', '../roles.json', 'roles.json.20261201T010101.000Z-x.conflict']) {
      await expect(resolveConflict(path, name, 'ours')).rejects.toMatchObject({ code: 'HOLDFAST_INPUT' });
    }
    expect(text()).toBe(before);
  });

  it('finds what is younger than 30 days; older ones become backups, and other documents keep theirs [D28]', async () => {
    const { path, directory, files, read, unresolved } = await conflicting(
      rename('ours'),
      BASE.replace('"x"', '"t"'),
    );
    const old = 'roles.json.20260101T000000.000Z-me0000.conflict';
    const others = 'roles.json.x.20260101T000000.000Z-me0000.conflict';
    writeFileSync(join(directory, old), '{ "a": "old" }');
    for (const name of [old, others, 'roles.json.20260202T000000.000Z-gone.conflict']) {
      writeFileSync(join(directory, `.${name}.meta`), '{}');
    }
    const next = await openDocument<Counter>(path);
    await next.update(setting('more', 1));
    await next.close();
    expect(files('.conflict')).toEqual([unresolved.file]);
    expect(files('.meta').sort()).toEqual([`.${unresolved.file}.meta`, `.${others}.meta`].sort());
    expect(files('.bak').map(read)).toContain('{ "a": "old" }');
  });

  it('is not asked about what another user has put there, and that stays [D28, R69]', async () => {
    const { path, directory, files, unresolved } = await conflicting(
      rename('ours'),
      BASE.replace('"x"', '"t"'),
    );
    const old = 'roles.json.20260101T000000.000Z-me0000.conflict';
    writeFileSync(join(directory, old), '{ "a": "planted" }');
    chownSync(join(directory, old), 1234, 1234);
    expect((await unresolvedConflicts(path)).map(({ file }) => file)).toEqual([unresolved.file]);
    const next = await openDocument<Counter>(path);
    await next.update(setting('more', 1));
    await next.close();
    expect(files('.conflict')).toEqual([old, unresolved.file]);
  });

  it('keeps its newest conflict files whatever their names say: none of others counts, and those of a time to come go first [D28, R69]', async () => {
    needsRoot();
    const { path, directory, files, read, unresolved } = await conflicting(
      rename('ours'),
      BASE.replace('"x"', '"t"'),
    );
    for (let i = 10; i < 22; i++) {
      const planted = join(directory, `roles.json.299912${i}T000000.000Z-x.conflict`);
      writeFileSync(planted, `{ "planted": ${i} }`);
      if (i < 12) chownSync(planted, 1234, 1234);
    }
    const next = await openDocument<Counter>(path);
    await next.update(setting('more', 1));
    await next.close();
    const left = files('.conflict').sort();
    expect(left).toContain(unresolved.file);
    expect(left).toHaveLength(12);
    expect(left.at(-1)).toContain('29991221');
    expect(files('.bak').map(read)).toContain('{ "planted": 12 }');
  });

  it('is not asked about what another user keeps from others, and has conflict files of its own beside that [D28, R69]', async () => {
    needsRoot();
    const { path, directory, files } = await conflicting(rename('ours'), BASE.replace('"x"', '"t"'));
    chmodSync(directory, 0o777);
    chmodSync(path, 0o666);
    process.seteuid?.(NOBODY);
    onTestFinished(() => process.seteuid?.(0));
    expect(await unresolvedConflicts(path)).toEqual([]);
    const facts = { base: BASE, theirs: undefined, reason: 'a test' };
    const own = keepConflict(directory, 'roles.json', BASE, facts);
    expect([files('.conflict').length, files('.conflict').includes(String(own))]).toEqual([2, true]);
  });

  it('of root, in the directory of a user, are that user’s [D28, R69]', () => {
    needsRoot();
    const directory = memoryDirectory();
    chownSync(directory, NOBODY, NOBODY);
    keepConflict(directory, 'roles.json', BASE, { base: BASE, theirs: undefined, reason: 'a test' });
    const found = readdirSync(directory).map((name) => statSync(join(directory, name)));
    expect(found.map(({ uid, gid, mode }) => [uid, gid, mode & 0o777])).toEqual([
      [NOBODY, NOBODY, 0o600],
      [NOBODY, NOBODY, 0o600],
    ]);
  });
});
