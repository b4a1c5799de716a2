import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { type Document, type DocumentTimeoutError, openDocument, updateJson } from 'holdfast/document';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gate, within } from '../support/deadline.ts';
import { memoryDirectory } from '../support/temp.ts';
import { someTurns } from '../support/turns.ts';
import { type Counter, opened, raise, setting } from './opened.ts';

/** A document with an edit whose save was late: somebody else holds the lock. */
async function late() {
  const found = await opened(undefined, { timeout: 20 });
  const lock = await new LockManager().acquire({ file: found.path });
  onTestFinished(() => lock.release());
  found.document.edit(raise);
  const failed = found.document.save().then(
    () => Promise.reject(new Error('it was saved')),
    (error: DocumentTimeoutError) => error,
  );
  return { ...found, lock, failed };
}

describe('the close of a document', () => {
  it('ends once, with what was saved on the disk, for each who calls it [R29, D6]', async () => {
    const { document, text } = await opened();
    const [begun, goOn] = [gate(), gate()];
    const updated = document.update(async () => {
      begun.open();
      await goOn.opened;
    });
    await within(begun.opened, 'the update');
    document.edit(raise);
    const saved = document.save();
    const closes = [document.close(), document.close()].map((close) => close.then(text));
    await someTurns(2);
    goOn.open();
    await Promise.all([updated, saved]);
    expect(await within(Promise.all(closes), 'both ends')).toEqual(['{ "a": 1 }\n', '{ "a": 1 }\n']);
    await document.close();
    expect(() => document.read()).toThrow(expect.objectContaining({ state: 'closed' }));
  });

  it.each([0, 1, 60_000])(
    'rejects with the error of the save that it waits for, with a debounce of %i ms [D5, R41]',
    async (debounce) => {
      const { document, path, text } = await opened(undefined, { timeout: 20, debounce });
      const lock = await new LockManager().acquire({ file: path });
      onTestFinished(() => lock.release());
      document.edit(raise);
      const saved = document.save();
      const failed = await Promise.all(
        [document.close(), document.close(), saved].map((each: Promise<unknown>) =>
          within(each, 'its end').catch((error) => error),
        ),
      );
      expect(failed[0]).toMatchObject({ code: 'HOLDFAST_TIMEOUT' });
      expect(new Set(failed).size).toBe(1);
      await expect(document.close()).rejects.toBe(failed[0]);
      expect(text()).toBe('{ "a": 0 }\n');
    },
  );

  it('says nothing more of a save that was told to have failed before [D5]', async () => {
    const { document, path } = await opened();
    document.edit(setting('a', 1));
    writeFileSync(path, '{ "a": 2 }');
    await expect(document.save()).rejects.toMatchObject({ code: 'HOLDFAST_CONFLICT' });
    await document.close();
  });

  it.each(['close', 'disposal'])('writes what an earlier save was too late for, as %s [D5]', async (how) => {
    const { document, text, lock, failed } = await late();
    await failed;
    await lock.release();
    if (how === 'close') await document.close();
    else await document[Symbol.asyncDispose]();
    expect(text()).toBe('{ "a": 1 }\n');
  });

  it('rejects while what an earlier save could not write cannot be written, and is for good [D5, R41]', async () => {
    const { document, text, lock, failed } = await late();
    await failed;
    document.edit(setting('b', 2)); // the edits are still those of the save that failed
    await document.reload();
    const closes = () => document.close().catch((error: unknown) => error);
    const error = await within(closes(), 'its end');
    expect(error).toMatchObject({ code: 'HOLDFAST_TIMEOUT' });
    await lock.release();
    expect(await closes()).toBe(error);
    expect(text()).toBe('{ "a": 0 }\n');
  });

  it.each(['cancel', 'another save', 'reload'])(
    'says nothing more of a save that failed and was settled since, by %s [D5, R42]',
    async (how) => {
      const { document, text, lock, failed } = await late();
      const error = await failed;
      if (how === 'cancel') error.cancel();
      await lock.release();
      if (how === 'another save') await document.save();
      if (how === 'reload') await document.reload({ edits: 'drop' });
      document.edit(setting('b', 2)); // nobody saves that
      await document.close();
      expect(text()).toBe(how === 'another save' ? '{ "a": 1 }\n' : '{ "a": 0 }\n');
    },
  );

  it('rejects with the conflict of an earlier save of which there is no copy [D5, R39]', async () => {
    const path = join(memoryDirectory(), 'roles.json.20260101T000000.000Z-me-0a1b.conflict');
    writeFileSync(path, '{ "a": 0 }');
    const document = await openDocument<Counter>(path);
    document.edit(raise);
    writeFileSync(path, '{ "a": 7 }');
    const conflict = { code: 'HOLDFAST_CONFLICT', file: undefined };
    await expect(document.save()).rejects.toMatchObject(conflict);
    await expect(document.close()).rejects.toMatchObject(conflict);
  });

  it('rejects with what is wrong with edits whose save failed beside one that was written [D5, R32]', async () => {
    const validate = (value: unknown) =>
      (value as Counter).b === 2 ? { issues: [{ message: 'no' }] } : { value: value as Counter };
    const schema = { '~standard': { version: 1 as const, vendor: 'test', validate } };
    const { document, text } = await opened(undefined, { schema });
    document.edit(raise);
    const first = document.save();
    const [begun, goOn] = [gate(), gate()];
    const between = document.update(async () => {
      begun.open();
      await goOn.opened;
    });
    const second = document.save();
    await within(begun.opened, 'the update between the saves');
    document.edit(setting('b', 2));
    goOn.open();
    await Promise.all([first, between]);
    await expect(second).rejects.toMatchObject({ code: 'HOLDFAST_INVALID' });
    await expect(document.close()).rejects.toMatchObject({ code: 'HOLDFAST_INVALID' });
    expect(text()).toBe('{ "a": 1 }\n');
  });

  it.each(['close', 'disposal'])(
    'by its own recipe, as %s, is refused at once, and closes nothing [D34]',
    async (how) => {
      const { document, text } = await opened(undefined, { holdLimit: 1_000 });
      const updated = document.update(async (draft) => {
        raise(draft);
        if (how === 'close') await document.close();
        else await document[Symbol.asyncDispose]();
      });
      const refused = { code: 'HOLDFAST_DOCUMENT_STATE', state: 'in-recipe' };
      await expect(within(updated, 'its end')).rejects.toMatchObject(refused);
      expect(text()).toBe('{ "a": 0 }\n');
      expect(await document.update(raise)).toEqual({ a: 1 });
    },
  );

  it('by a recipe is done for another object of the file, unless that has something to write [D34]', async () => {
    const { document, path } = await opened(undefined, { debounce: 60_000 });
    const closing = (other: Document<Counter>, at = path) =>
      within(
        updateJson<Counter>(at, async () => {
          await other.close();
        }),
        'the update',
      );
    await closing(await openDocument<Counter>(path));
    document.edit(raise);
    const saved = document.save();
    await expect(closing(document)).rejects.toMatchObject({ state: 'in-recipe' });
    await document.close();
    expect(await saved).toEqual({ a: 1 });

    const { path: other, document: owing, lock, failed } = await late();
    await failed;
    await lock.release();
    await expect(closing(owing, other)).rejects.toMatchObject({ state: 'in-recipe' });
  });
});

describe('a save that waits for more edits', () => {
  it('is written before a reload drops what is unsaved [D5]', async () => {
    const { document, text } = await opened(undefined, { debounce: 60_000 });
    document.edit(raise);
    const saved = document.save();
    expect(await document.reload({ edits: 'drop' })).toEqual({ a: 1 });
    expect(await saved).toEqual({ a: 1 });
    expect(text()).toBe('{ "a": 1 }\n');
  });

  it('is written before the document is removed, so the backup has it [B1, D5]', async () => {
    const { document, directory } = await opened(undefined, { debounce: 60_000 });
    document.edit(raise);
    const saved = document.save();
    await document.remove();
    expect(await saved).toEqual({ a: 1 });
    const [backup] = document.backups();
    expect(readFileSync(join(directory, String(backup?.name)), 'utf8')).toBe('{ "a": 1 }\n');
  });
});
