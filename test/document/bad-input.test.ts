import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Document,
  type DocumentOptions,
  openDocument,
  Repository,
  resolveConflict,
  type StandardSchema,
  updateFile,
  updateJson,
} from 'holdfast/document';
import { describe, expect, it, onTestFinished } from 'vitest';
import { memoryDirectory } from '../support/temp.ts';
import { someTurns } from '../support/turns.ts';
import { opened, raise } from './opened.ts';

const INPUT = { code: 'HOLDFAST_INPUT' };

describe.each([undefined, null, 'remove', 'save', {}, { backup: undefined }, { a: 7 }])(
  'what is no recipe, %o,',
  (value) => {
    const recipe = value as never;

    it('is refused by every call that takes one, and does nothing to the file [R82]', async () => {
      const { document, directory, path, text } = await opened();
      await document.update(raise);
      await document.remove();
      await updateFile(path, () => '{ "a": 5 }\n');
      const before = readdirSync(directory);

      await expect(document.update(recipe)).rejects.toMatchObject({ ...INPUT, input: 'recipe' });
      expect(() => document.edit(recipe)).toThrow(expect.objectContaining({ ...INPUT, input: 'recipe' }));
      await expect(updateJson(path, recipe)).rejects.toMatchObject({ ...INPUT, input: 'recipe' });
      await expect(updateFile(path, recipe)).rejects.toMatchObject({ ...INPUT, input: 'change' });

      expect(text()).toBe('{ "a": 5 }\n');
      expect(readdirSync(directory)).toEqual(before);
    });
  },
);

describe('an option of a document', () => {
  it.each<[string, unknown]>([
    ['backups', true],
    ['backups', null],
    ['backups.newest', { backups: { newest: -1 } }],
    ['identity', 7],
    ['merge', 7],
    ['migrate', { migrate: { version: 1, up: () => ({}), member: 5 } }],
    ['strategies', { merge: { strategies: 7 } }],
    ['strictOrder', { merge: { strictOrder: 'yes' } }],
  ])(
    'that cannot be used, %s, is refused when it is opened, and nothing is made [R82]',
    async (input, value) => {
      const path = join(memoryDirectory(), 'roles.json');
      const isWhole = typeof value === 'object' && value !== null;
      const options = { create: {}, ...(isWhole ? value : { [input]: value }) } as DocumentOptions<object>;
      await expect(openDocument(path, options)).rejects.toMatchObject({ ...INPUT, input });
      expect(existsSync(path)).toBe(false);
    },
  );

  it('of a size, without an end or no whole number, is one [R82]', async () => {
    for (const maxBytes of [Number.POSITIVE_INFINITY, 100.5]) {
      const { document } = await opened('{ "a": 0 }', { maxBytes });
      expect(await document.update(raise)).toEqual({ a: 1 });
    }
  });

  it('of one edit is refused before the lock is taken [R82]', async () => {
    const directory = memoryDirectory();
    const path = join(directory, 'roles.json');
    const options = { maxBytes: 'all' as unknown as number };
    await expect(updateFile(path, () => 'x', options)).rejects.toMatchObject({ ...INPUT, input: 'maxBytes' });
    expect(readdirSync(directory)).toEqual([]);
  });
});

it('an event that there is not, and what is no listener, are refused [R82]', async () => {
  const { document } = await opened();
  const refused = (input: string) => expect.objectContaining({ ...INPUT, input });
  expect(() => document.on('changed' as 'change', () => {})).toThrow(refused('event'));
  expect(() => document.on('change', undefined as never)).toThrow(refused('listener'));
});

it('what reload is to do with edits is keep or drop, and nothing else [R82]', async () => {
  const { document } = await opened();
  document.edit(raise);
  for (const options of [null, { edits: 'forget' }, { edit: 'drop' }]) {
    await expect(document.reload(options as object)).rejects.toMatchObject(INPUT);
  }
  expect(document.hasUnsaved).toBe(true);
});

it.each<[string, (document: Document<never>) => unknown]>([
  ['list', (document) => new Repository(document, 7 as never)],
  ['identity', (document) => new Repository(document, 'roles', { identity: 7 as never })],
  ['newId', (document) => new Repository(document, 'roles', { newId: 7 as never })],
  ['record', (document) => new Repository<object>(document, 'roles').insert('abc' as never)],
  ['record', (document) => new Repository<object>(document, 'roles').insert(null as never)],
  ['answers', ({ path }) => resolveConflict(path, 'none', undefined as never)],
])(
  'a %s of records, or of conflicts, that is none is refused, and nothing is written [R57, R82]',
  async (input, act) => {
    const { document, text } = await opened('{ "roles": [] }');
    const call = async () => act(document as unknown as Document<never>);
    await expect(call()).rejects.toMatchObject({ ...INPUT, input });
    expect(text()).toBe('{ "roles": [] }');
  },
);

it.each([null, 7, 'abc', []])(
  'a change of a record that returns %o is refused, and the record stays as it was [R57, R82]',
  async (returned) => {
    const { document, text } = await opened('{ "roles": [{ "id": 1, "n": 0 }] }');
    const roles = new Repository<{ id: number; n: number }>(document, 'roles');
    const changed = roles.update(1, String(roles.get(1)?.revision), (role) => {
      role.n = 1;
      return returned as never;
    });
    await expect(changed).rejects.toMatchObject({ ...INPUT, input: 'result of change' });
    expect(text()).toBe('{ "roles": [{ "id": 1, "n": 0 }] }');
  },
);

it('an empty path names a document that is a list itself, and is refused at once for any other [R57, R82]', async () => {
  const { document, text } = await opened('[{ "id": 1 }]');
  await new Repository<{ id: number }>(document, '').insert({});
  expect(JSON.parse(text())).toEqual([{ id: 1 }, { id: 2 }]);
  const { document: other } = await opened('{ "roles": [] }');
  expect(() => new Repository(other, '')).toThrow(expect.objectContaining({ ...INPUT, input: 'list' }));
});

it('a schema that answers with a promise of another library is waited for [R36]', async () => {
  const answer = { issues: [{ message: 'too many' }] };
  // biome-ignore lint/suspicious/noThenProperty: that is what such a promise has
  const validate = () => ({ then: (resolve: (value: object) => void) => resolve(answer) });
  const schema = {
    '~standard': { version: 1, vendor: 'test', validate },
  } as unknown as StandardSchema<object>;
  const path = join(memoryDirectory(), 'roles.json');
  await expect(openDocument(path, { schema, create: {} })).rejects.toThrow('too many');
});

it('an edit that is asynchronous is refused in these words, and leaves no edit [R57, R82]', async () => {
  const { document } = await opened('{ "a": 0 }');
  const recipe = (async (draft: { a: number }) => {
    draft.a = 1;
    throw new Error('later');
  }) as unknown as () => void;
  expect(() => document.edit(recipe)).toThrow(
    expect.objectContaining({
      ...INPUT,
      input: 'recipe',
      message: expect.stringContaining('asynchronous; update'),
    }),
  );
  await someTurns();
  expect([document.hasUnsaved, document.read()]).toEqual([false, { a: 0 }]);
});

it('a change of a record that is asynchronous is refused in these words [R57, R82]', async () => {
  const { document } = await opened('{ "roles": [{ "id": 1 }] }');
  const roles = new Repository<{ id: number }>(document, 'roles');
  const { revision = '' } = roles.get(1) ?? {};
  const change = (async () => {}) as unknown as () => void;
  await expect(roles.update(1, revision, change)).rejects.toThrow('change must not be asynchronous');
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  const failing = (() => Promise.reject(new Error('later'))) as unknown as () => void;
  await expect(roles.update(1, revision, failing)).rejects.toThrow('change must not be asynchronous');
  await someTurns();
  expect(unhandled).toEqual([]);
  await expect(roles.update(1, revision, {} as never)).rejects.toThrow('change must be a function');
});

describe('a migration', () => {
  it.each<[string, (value: { a: number }) => unknown]>([
    ['changes its value in place', (value) => void value.a++],
    ['returns a new one', ({ a }) => ({ a: a + 1 })],
  ])('that %s keeps what the file has [D32]', async (_how, up) => {
    const migrate = { version: 2, up: up as (value: unknown) => unknown };
    const { document } = await opened('{ "a": 1 }', { migrate });
    expect(document.read()).toEqual({ a: 2, $version: 2 });
  });

  it.each<[string, unknown]>([
    ['a promise', Promise.resolve({})],
    ['a list', []],
    ['a text', 'a'],
    ['null', null],
  ])('that returns %s is refused, and the file is as it was [D32]', async (_what, result) => {
    const { directory, path, text } = await opened('{ "a": 1 }');
    const before = readdirSync(directory);
    const migrate = { version: 2, up: () => result };
    await expect(openDocument(path, { migrate })).rejects.toMatchObject({ code: 'HOLDFAST_UNREADABLE' });
    expect(text()).toBe('{ "a": 1 }');
    expect(readdirSync(directory)).toEqual(before);
  });
});

it('a document that is null is one as any other, and null is an edit [R36]', async () => {
  const { document, text } = await opened('null\n');
  expect(await document.update(() => ({ a: 1 }))).toEqual({ a: 1 });
  await document.update(() => null as never);
  expect(text()).toBe('null\n');
  document.edit(() => ({ a: 1 }));
  document.edit(() => null as never);
  const seen: unknown[] = [];
  document.edit((draft) => void seen.push(draft));
  expect(seen).toEqual([null]);
});
