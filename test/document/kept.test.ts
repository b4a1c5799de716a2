import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { ConflictError } from 'holdfast';
import { type DocumentOptions, openDocument, resolveConflict } from 'holdfast/document';
import { describe, expect, it } from 'vitest';
import { conflictFiles, conflictMeta } from '../../src/document/conflicts.ts';
import { stamp } from '../../src/document/file/names.ts';
import { memoryDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';
import { type Counter, opened, raise, setting } from './opened.ts';

const withEnd = (directory: string, end: string) =>
  readdirSync(directory)
    .filter((name) => name.endsWith(end))
    .sort();
const textsOf = (directory: string, names: readonly string[]) =>
  names.map((name) => readFileSync(join(directory, name), 'utf8'));

describe('a document keeps', () => {
  it('the text that its first save of a session replaces, the one that is removed, and a damaged one that is recovered [B1]', async () => {
    const { directory, path, document } = await opened('{ "a": 1 }');
    const backups = () => textsOf(directory, withEnd(directory, '.bak'));
    await document.update(raise);
    expect(backups()).toEqual(['{ "a": 1 }']);
    await document.update(raise);
    expect(backups()).toEqual(['{ "a": 1 }']); // one a minute is enough for saves
    await document.remove();
    expect(backups()).toEqual(['{ "a": 1 }', '{ "a": 3 }']);
    writeFileSync(path, '{ "a": ');
    const again = await openDocument<Counter>(path, { recover: 'auto' });
    expect(textsOf(directory, withEnd(directory, '.corrupt'))).toEqual(['{ "a": ']);
    expect(again.read()).toEqual({ a: 3 });
    await again.close();
  });

  it('nothing where backups are switched off, but for what was damaged', async () => {
    const { directory, document } = await opened('{ "a": 1 }', { backups: false });
    await document.update(raise);
    await document.remove();
    expect(withEnd(directory, '.bak')).toEqual([]);
  });

  it('its newest backup that is whole and fits, past newer ones that do not, as what it is recovered from [B5]', async () => {
    const { directory, path, document } = await opened('{ "a": 1 }');
    await document.close();
    const name = (ago: number) => `roles.json.${stamp(Date.now() - ago * 1000)}.bak`;
    const [old, good, torn, empty] = [name(40), name(30), name(20), name(10)];
    for (const [each, text] of [
      [old, '{ "a": 5 }'],
      [good, '{ "a": 6 }'],
      [torn, '{ "a": 7'],
      [empty, ''],
    ] as const) {
      writeFileSync(join(directory, each), text);
    }
    writeFileSync(path, '\0\0\0');
    const restored = await openDocument<Counter>(path, { recover: 'auto' });
    expect(restored.read()).toEqual({ a: 6 });
    expect(restored.restored).toMatchObject({ backup: good });
    expect(readFileSync(join(directory, restored.restored?.corrupt ?? ''), 'utf8')).toBe('\0\0\0');
    await restored.close();
    expect(readFileSync(path, 'utf8')).toBe('{ "a": 6 }');
    expect(withEnd(directory, '.bak')).toEqual([old, good, torn, empty]);
  });

  it('its save where the backup of it fails, and warns [B7]', async () => {
    const path = join(memoryDirectory(), `${'long'.repeat(58)}.json`); // the name of a backup of it would be too long
    writeFileSync(path, '{ "a": 1 }');
    const document = await openDocument<Counter>(path);
    const warnings: unknown[] = [];
    document.on('backup-failed', (error) => warnings.push(error));
    expect(await document.update(raise)).toEqual({ a: 2 });
    expect(readFileSync(path, 'utf8')).toBe('{ "a": 2 }');
    await until(() => warnings.length > 0, 'the warning');
    expect(warnings).toMatchObject([{ code: 'HOLDFAST_BACKUP', cause: { code: 'ENAMETOOLONG' } }]);
    await document.close();
  });
});

describe('the files of conflicts', () => {
  const conflicting = async (
    document: Awaited<ReturnType<typeof opened>>,
    ours: unknown,
    base: number,
    theirs = -base,
  ) => {
    writeFileSync(document.path, `{ "a": ${base} }`);
    await document.document.reload({ edits: 'drop' });
    document.document.edit(setting('a', ours));
    writeFileSync(document.path, `{ "a": ${theirs} }`);
    await expect(document.document.save()).rejects.toMatchObject({ code: 'HOLDFAST_CONFLICT' });
  };

  it('are ten at most, each version of ours once, with what is known of it, and the oldest becomes a backup [D28]', async () => {
    const document = await opened('{ "a": 0 }');
    const { directory } = document;
    for (let round = 1; round <= 12; round++) {
      await conflicting(document, `mine ${round}`, round);
      await conflicting(document, `mine ${round}`, round, round + 100);
    }
    const files = conflictFiles(directory, 'roles.json');
    const kept = textsOf(directory, files).map((text) => JSON.parse(text).a);
    expect(kept.toSorted()).toEqual(Array.from({ length: 10 }, (_, at) => `mine ${at + 3}`).toSorted());
    for (const file of files) expect(conflictMeta(directory, file)?.base).toContain('"a"');
    expect(withEnd(directory, '.conflict.meta')).toHaveLength(10);
    const backups = textsOf(directory, withEnd(directory, '.bak'));
    for (const dropped of ['mine 1', 'mine 2']) expect(backups).toContain(`{ "a": "${dropped}" }`);
  });

  it('have each a text of ours with what it began with: the same text from another base is another edit, and none is lost [D28, R36]', async () => {
    const { document, path, text } = await opened('{ "a": 1, "b": 1 }');
    const refused = async () =>
      (await document.save().catch((error: ConflictError) => error)) as unknown as ConflictError;
    document.edit(setting('a', 2));
    writeFileSync(path, '{ "a": 3, "b": 1 }');
    const first = await refused();
    writeFileSync(path, '{ "a": 7, "b": 1 }'); // theirs alone is another one: that is the same conflict
    expect((await refused()).file).toBe(first.file);
    writeFileSync(path, '{ "a": 3, "b": 5 }');
    await document.reload({ edits: 'drop' });
    document.edit(setting('a', 2));
    document.edit(setting('b', 1));
    writeFileSync(path, '{ "a": 4, "b": 5 }');
    const second = await refused();
    expect(second.file).not.toBe(first.file);
    await resolveConflict(path, second.file ?? '', 'ours');
    expect(JSON.parse(text())).toEqual({ a: 2, b: 1 });
  });

  it('tell by its name the user whose version it is [D28]', async () => {
    const document = await opened('{ "a": 0 }');
    await conflicting(document, 'mine', 1);
    const [file = ''] = conflictFiles(document.directory, 'roles.json');
    const who = userInfo()
      .username.replace(/[^\w-]/g, '')
      .slice(0, 20);
    expect(conflictMeta(document.directory, file)?.who).toBe(who);
    expect(file.replace(/-[0-9a-f]{4}\.conflict$/, '')).toMatch(
      new RegExp(`^roles\\.json\\.[\\dTZ.]+-${who}$`),
    );
  });

  it('have no conflict files of their own [D28]', async () => {
    const document = await opened('{ "a": 0 }');
    await conflicting(document, 'mine', 1);
    const [file = ''] = conflictFiles(document.directory, 'roles.json');
    const options: DocumentOptions<Counter> = { backups: false };
    const own = await openDocument<Counter>(join(document.directory, file), options);
    own.edit(setting('a', 'again'));
    writeFileSync(join(document.directory, file), '{ "a": "theirs" }');
    await expect(own.save()).rejects.toMatchObject({ code: 'HOLDFAST_CONFLICT', file: undefined });
    expect(own.read()).toEqual({ a: 'again' });
    await own.reload({ edits: 'drop' });
    await own.close();
    expect(withEnd(document.directory, '.conflict')).toEqual([file]);
  });
});
