import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDocument } from 'holdfast/document';
import { describe, expect, it } from 'vitest';
import { memoryDirectory } from '../support/temp.ts';
import { type Counter, opened } from './opened.ts';

/** Ten times as much with each run, so that a second one shows. */
const migrate = {
  version: 2,
  up: (value: unknown) => {
    (value as Counter).a *= 10;
  },
};
const anew = () => ({ a: 7 });

describe('the version of a document', () => {
  it('stays where a recipe returns a new value without it, so nothing is migrated twice [D32]', async () => {
    const { document, path, text } = await opened('{ "a": 1 }', { migrate });
    expect(await document.update(anew)).toEqual({ a: 7, $version: 2 });
    expect(JSON.parse(text())).toEqual({ a: 7, $version: 2 });
    expect(document.edit(() => ({ a: 8 }))).toEqual({ a: 8, $version: 2 });
    await document.save();
    writeFileSync(path, `${text()}\n`);
    expect(document.read()).toEqual({ a: 8, $version: 2 });
    await document.update((draft) => void delete draft.$version);
    await document.close();
    const again = await openDocument<Counter>(path, { migrate });
    expect(again.read()).toEqual({ a: 8, $version: 2 });
    await again.close();
  });

  it('comes with a document that an update or a save makes anew, and is in a conflict file [D32]', async () => {
    const create = { a: 0 };
    const { document, path, directory, text } = await opened('{ "a": 1 }', { migrate, create });
    rmSync(path);
    await document.update(anew);
    expect(JSON.parse(text())).toEqual({ a: 7, $version: 2 });
    rmSync(path);
    document.edit(() => ({ a: 8 }));
    await document.save();
    expect(JSON.parse(text())).toEqual({ a: 8, $version: 2 });
    document.edit(() => ({ a: 9 }));
    writeFileSync(path, '{ "$version": 2, "a": 5 }');
    const error = await document.save().catch((conflict: { readonly file: string }) => conflict);
    const kept = readFileSync(join(directory, (error as { readonly file: string }).file), 'utf8');
    expect(JSON.parse(kept)).toEqual({ a: 9, $version: 2 });
  });

  it('is no recipe’s to change: another one, or a value that can have none, is refused, and nothing is written [D32]', async () => {
    const { document, text } = await opened('{ "$version": 2, "a": 1 }', { migrate });
    for (const recipe of [
      () => ({ a: 1, $version: 1 }),
      () => ({ a: 1, $version: 'x' }),
      () => [] as never,
    ]) {
      const refused = { code: 'HOLDFAST_INVALID', issues: ['$version must be 2, the version of migrate'] };
      await expect(document.update(recipe)).rejects.toMatchObject(refused);
      expect(() => document.edit(recipe)).toThrow(expect.objectContaining(refused));
    }
    const making = openDocument(join(memoryDirectory(), 'new.json'), { migrate, create: { $version: 1 } });
    await expect(making).rejects.toMatchObject({ code: 'HOLDFAST_INVALID' });
    expect(document.hasUnsaved).toBe(false);
    expect(text()).toBe('{ "$version": 2, "a": 1 }');
  });

  it('that is null in the file is none: the file is damaged [D7, D32]', async () => {
    const { path, text } = await opened('{ "$version": null, "a": 1 }');
    await expect(openDocument(path, { migrate })).rejects.toMatchObject({ code: 'HOLDFAST_DAMAGED' });
    expect(text()).toBe('{ "$version": null, "a": 1 }');
  });
});
