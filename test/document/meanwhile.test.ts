import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import {
  type DocumentTimeoutError,
  resolveConflict,
  type StandardSchema,
  unresolvedConflicts,
} from 'holdfast/document';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gate, within } from '../support/deadline.ts';
import { type Counter, opened, setting } from './opened.ts';

type Opened = Awaited<ReturnType<typeof opened>>;

/** A save of `a = 1` that has met what another program wrote, and is held up before it is written. */
async function halfSaved(found: Opened, theirs: string, last: (draft: Counter) => void = () => {}) {
  const { document, path } = found;
  document.edit(setting('a', 1));
  writeFileSync(path, theirs);
  const [begun, goOn] = [gate(), gate()];
  const saved = document.save();
  const updated = document.update(async (draft) => {
    begun.open();
    await goOn.opened;
    last(draft);
  });
  await within(begun.opened, 'the update behind the save');
  const finish = async () => {
    goOn.open();
    await within(Promise.allSettled([saved, updated]), 'the end of the save');
  };
  return { saved, updated, finish };
}

/** The document `{ "n": 0 }`, to which another program has added 10. */
async function adding(options = {}) {
  const found = await opened('{ "n": 0 }', { merge: { strategies: { n: 'sum' } }, ...options });
  const add = () =>
    found.document.edit((draft) => {
      draft.n = Number(draft.n) + 1;
    });
  add();
  writeFileSync(found.path, '{ "n": 10 }');
  return { ...found, add };
}

describe('an edit that is made while a save is written', () => {
  it('and meets what that save brought in is a conflict of the next save, and nothing is lost [D4, R37, R39]', async () => {
    const found = await opened('{ "a": 0, "b": 0, "c": 0 }');
    const { document, path, text, directory } = found;
    const told: unknown[] = [];
    document.on('conflict', (error) => told.push(error));
    const { finish } = await halfSaved(found, '{ "a": 0, "b": 5, "c": 0 }');
    expect(document.read().b).toBe(0);
    document.edit(setting('b', 7));
    document.edit(setting('c', 3));
    await finish();
    expect(text()).toBe('{ "a": 1, "b": 5, "c": 0 }');
    expect(document.read()).toEqual({ a: 1, b: 7, c: 3 });

    const conflict = { kind: 'edit-edit', text: 'b', base: 0, ours: 7, theirs: 5 };
    const refused = { code: 'HOLDFAST_CONFLICT', conflicts: [conflict] };
    await expect(document.reload()).rejects.toMatchObject(refused);
    await expect(document.save()).rejects.toMatchObject(refused);
    expect(told).toMatchObject([refused]);
    expect(text()).toBe('{ "a": 1, "b": 5, "c": 0 }');
    const [name = ''] = readdirSync(directory).filter((file) => file.endsWith('.conflict'));
    expect(readFileSync(join(directory, name), 'utf8')).toBe('{ "a": 1, "b": 7, "c": 3 }');
    const [unresolved] = await unresolvedConflicts(path);
    expect(unresolved?.conflicts).toMatchObject([conflict]);
    await resolveConflict(path, name, 'theirs');
    expect(await document.reload({ edits: 'drop' })).toEqual({ a: 1, b: 5, c: 3 });
  });

  it('beside what that save brought in goes on from there, and is written by the next one [D4, R28]', async () => {
    const found = await opened('{ "a": 0, "b": 0, "c": 0 }');
    const { document, text } = found;
    const { finish } = await halfSaved(found, '{ "a": 0, "b": 5, "c": 0 }');
    document.edit(setting('c', 3));
    await finish();
    expect(document.read()).toEqual({ a: 1, b: 5, c: 3 });
    await document.save();
    expect(text()).toBe('{ "a": 1, "b": 5, "c": 3 }');
    expect(document.hasUnsaved).toBe(false);
  });

  it('is added up once by itself, and not with what that save took [D4, R28]', async () => {
    const { document, text, add } = await adding();
    const [begun, goOn] = [gate(), gate()];
    const changes = [
      document.save(),
      document.update(async () => {
        begun.open();
        await goOn.opened;
      }),
    ];
    await within(begun.opened, 'the update behind the save');
    add();
    goOn.open();
    await Promise.all(changes);
    expect([text(), document.read().n]).toEqual(['{ "n": 11 }', 12]);
    await document.save();
    expect(text()).toBe('{ "n": 12 }');
  });

  it('and meets an update of the same batch is a conflict of the next save [D4, R37]', async () => {
    const found = await opened('{ "a": 0, "b": 0 }');
    const { document, text } = found;
    const { finish } = await halfSaved(found, '{ "a": 0, "b": 0 }', setting('b', 5));
    document.edit(setting('b', 7));
    await finish();
    await expect(document.save()).rejects.toMatchObject({ conflicts: [{ text: 'b', ours: 7, theirs: 5 }] });
    expect(text()).toBe('{ "a": 1, "b": 5 }');
  });

  it('and saved by a second save of the same batch is told there, and the first is written [D4, R32]', async () => {
    const found = await opened('{ "a": 0, "b": 0 }');
    const { document, text } = found;
    const { saved, finish } = await halfSaved(found, '{ "a": 0, "b": 5 }');
    document.edit(setting('b', 7));
    const second = document.save();
    await finish();
    expect(await saved).toEqual({ a: 1, b: 5 });
    await expect(second).rejects.toMatchObject({ conflicts: [{ text: 'b', ours: 7, theirs: 5 }] });
    expect(text()).toBe('{ "a": 1, "b": 5 }');
    expect(document.read()).toEqual({ a: 1, b: 7 });
  });

  it('is still there when a strategy throws at it, and the next save says so [D4]', async () => {
    const fault = new Error('of the strategy');
    let isBroken = false;
    const strategy = () => {
      if (isBroken) throw fault;
      return 9;
    };
    const found = await opened('{ "a": 0, "b": 0 }', { merge: { strategies: { b: strategy } } });
    const { document, text } = found;
    const { saved, finish } = await halfSaved(found, '{ "a": 0, "b": 5 }');
    document.edit(setting('b', 7));
    isBroken = true;
    await finish();
    expect(await saved).toEqual({ a: 1, b: 5 });
    await expect(document.save()).rejects.toBe(fault);
    isBroken = false;
    await document.save();
    expect(text()).toBe('{ "a": 1, "b": 9 }');
  });
});

describe('a reload that a save overtakes', () => {
  it.each(['written', 'under way'])(
    'starts over when that is %s: what is older than it comes back nowhere [D4, R26]',
    async (state) => {
      const [begun, goOn] = [gate(), gate()];
      let isHeldUp = false;
      const validate: StandardSchema<Counter>['~standard']['validate'] = async (value) => {
        if (isHeldUp) {
          isHeldUp = false;
          begun.open();
          await goOn.opened;
        }
        return { value: value as Counter };
      };
      const schema = { '~standard': { version: 1 as const, vendor: 'test', validate } };
      const found = await opened('{ "a": 0, "b": 0 }', { schema, follow: 'manual' });
      const { document, path, text } = found;
      document.edit(setting('a', 1));
      writeFileSync(path, '{ "a": 0, "b": 5 }');
      isHeldUp = true;
      const reloaded = document.reload();
      await within(begun.opened, 'the schema, asked by the reload');
      const { finish } = await halfSaved(found, '{ "a": 0, "b": 6 }');
      if (state === 'written') await finish();
      goOn.open();
      await finish();
      expect(await within(reloaded, 'the reload')).toEqual({ a: 1, b: 6 });
      await document.save();
      expect(text()).toBe('{ "a": 1, "b": 6 }');
    },
  );
});

describe('two saves', () => {
  it('that are asked for together add up what was edited once [R31]', async () => {
    const { document, text, add } = await adding();
    const first = document.save();
    add();
    await Promise.all([first, document.save()]);
    expect(text()).toBe('{ "n": 12 }');
  });

  it('with an edit between them, in one batch, add up each edit once [R31, R32]', async () => {
    const { document, text, add } = await adding();
    const [begun, goOn] = [gate(), gate()];
    const first = document.save();
    const updated = document.update(async () => {
      begun.open();
      await goOn.opened;
    });
    const second = document.save();
    await within(begun.opened, 'the update between the saves');
    add();
    goOn.open();
    await Promise.all([first, updated, second]);
    expect(text()).toBe('{ "n": 12 }');
    expect(document.hasUnsaved).toBe(false);
  });

  it('of which one comes while the other waits for the lock, or that are both tried again, add up each edit once [R30, R42]', async () => {
    const { document, path, text } = await adding({ timeout: 20 });
    const lock = await new LockManager().acquire({ file: path });
    onTestFinished(() => lock.release());
    const late = async () => (await document.save().catch((error: unknown) => error)) as DocumentTimeoutError;
    const errors = [await late(), await late()];
    const saves = errors.map((error) => error.later());
    await lock.release();
    await within(Promise.all(saves), 'both saves');
    expect(text()).toBe('{ "n": 11 }');
  });
});

describe('a strategy that returns no JSON', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  const values: [string, unknown][] = [
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a bigint', 1n],
    ['NaN', Number.NaN],
    ['a Date', new Date(0)],
    ['a Map', new Map()],
    ['a cycle', cycle],
    ['a list with a hole', [undefined]],
  ];

  it.each(values)(
    'but %s for the whole is an InputError of the save and of a reload, and the update beside it is written [D34]',
    async (_what, value) => {
      for (const pattern of ['$', '**']) {
        const found = await opened('{ "a": 0 }', {
          merge: { strategies: { [pattern]: () => value as never } },
        });
        const { document, path, text } = found;
        document.edit(setting('a', 1));
        writeFileSync(path, '{ "a": 50 }');
        const input = 'what the strategy for $ returned';
        const saved = document.save();
        const updated = document.update(setting('b', 2));
        await expect(within(saved, 'the save')).rejects.toMatchObject({ code: 'HOLDFAST_INPUT', input });
        expect(await within(updated, 'the update')).toEqual({ a: 50, b: 2 });
        expect(document.read()).toEqual({ a: 1 });
        await expect(document.reload()).rejects.toMatchObject({ code: 'HOLDFAST_INPUT', input });
        expect(text()).toBe('{ "a": 50, "b": 2 }');
      }
    },
  );

  it('but a promise is an InputError, and what becomes of the promise disturbs nobody [D34]', async () => {
    const late = () => Promise.reject(new Error('of the strategy'));
    const { document, path } = await opened('{ "a": 0 }', { merge: { strategies: { a: late as never } } });
    document.edit(setting('a', 1));
    writeFileSync(path, '{ "a": 50 }');
    const input = 'what the strategy for a returned';
    await expect(document.save()).rejects.toMatchObject({ code: 'HOLDFAST_INPUT', input });
  });
});

describe('an edit that adds to a number with the strategy sum', () => {
  it('counts beside an equal one of another program [R37]', async () => {
    const { document, path, text, add } = await adding();
    writeFileSync(path, '{ "n": 1 }');
    await document.save();
    expect(text()).toBe('{ "n": 2 }');
    add();
    await document.save();
    expect(text()).toBe('{ "n": 3 }');
  });
});
