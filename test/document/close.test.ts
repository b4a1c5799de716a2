import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { type Document, openDocument, updateJson } from 'holdfast/document';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gate, within } from '../support/deadline.ts';
import { someTurns } from '../support/turns.ts';
import { type Counter, opened, raise, setting } from './opened.ts';

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
    const closing = (other: Document<Counter>) =>
      within(
        updateJson<Counter>(path, async () => {
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
