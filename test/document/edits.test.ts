import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { LockManager, onLockEvent } from 'holdfast';
import { openDocument, restoreBackup, updateFile, updateJson } from 'holdfast/document';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryName } from '../../src/document/file/names.ts';
import { gate, within } from '../support/deadline.ts';
import { memoryDirectory } from '../support/temp.ts';
import { opened, raise } from './opened.ts';

function fileWith(text: string | Buffer, name = 'hosts'): { directory: string; path: string } {
  const directory = memoryDirectory();
  const path = join(directory, name);
  writeFileSync(path, text, { mode: 0o640 });
  return { directory, path };
}

const backupsIn = (directory: string) => readdirSync(directory).filter((name) => name.endsWith('.bak'));

describe('one edit of a file', () => {
  it('changes the text, keeps the mode, and leaves nothing beside it but the lock file [R58]', async () => {
    const { directory, path } = fileWith('one\n');
    expect(await updateFile(path, (text) => `${text}two\n`)).toBe('one\ntwo\n');
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(directory).sort()).toEqual(['.hosts.lock', 'hosts']);
  });

  it('makes a file that is missing', async () => {
    const path = join(memoryDirectory(), 'new');
    await updateFile(path, (text) => `${text}one\n`);
    expect(readFileSync(path, 'utf8')).toBe('one\n');
  });

  it('of text that is no JSON keeps what a killed writer left as a backup, however old it looks, unless it is empty [D29, D35]', async () => {
    const { directory, path } = fileWith('one\n');
    const leave = (text: string) => {
      const left = join(directory, temporaryName('hosts'));
      writeFileSync(left, text);
      utimesSync(left, 1, 1);
      return left;
    };
    const [outsiders, empty] = [leave('of an outsider\n'), leave('')];
    await updateFile(path, (text) => `${text}two\n`);
    expect([outsiders, empty].map((left) => existsSync(left))).toEqual([false, true]);
    const kept = backupsIn(directory).map((name) => readFileSync(join(directory, name), 'utf8'));
    expect(kept).toEqual(['of an outsider\n']);
  });

  it('that throws, or returns no text, leaves every byte', async () => {
    const { directory, path } = fileWith('one\n');
    const fault = new Error('of its own');
    await expect(
      updateFile(path, () => {
        throw fault;
      }),
    ).rejects.toBe(fault);
    for (const none of [7, 'half of one: \ud83d']) {
      const refused = { code: 'HOLDFAST_INPUT', input: 'result of change' };
      await expect(updateFile(path, () => none as never)).rejects.toMatchObject(refused);
    }
    expect(readFileSync(path, 'utf8')).toBe('one\n');
    expect(backupsIn(directory)).toEqual([]);
  });

  it.each(['text', 'JSON'])(
    'of %s that never ends is cut off by the hold limit, and the next one is done [R11, D34]',
    async (kind) => {
      const { path } = fileWith('{"a":1}', 'roles.json');
      const never = () => new Promise<never>(() => {});
      const options = { holdLimit: 20 };
      const hanging = kind === 'text' ? updateFile(path, never, options) : updateJson(path, never, options);
      await expect(within(hanging, 'its end')).rejects.toMatchObject({ code: 'HOLDFAST_LOST' });
      await within(updateJson<{ a: number }>(path, raise), 'the next one');
      expect(readFileSync(path, 'utf8')).toBe('{"a":2}');
    },
  );

  it('is written through a link [D9]', async () => {
    const { directory, path } = fileWith('{"a":1}', 'real.json');
    const link = join(directory, 'link.json');
    symlinkSync('real.json', link);
    await updateJson<{ a: number }>(link, raise);
    expect(readFileSync(path, 'utf8')).toBe('{"a":2}');
    expect(readFileSync(link, 'utf8')).toBe('{"a":2}');
  });

  it('waits for whoever holds the lock of the file, and of two at once none is lost [R29]', async () => {
    const { path } = fileWith('{ "a": 0 }', 'roles.json');
    const { opened: goOn, open } = gate();
    const begun = gate();
    const slow = updateJson<{ a: number }>(path, async (draft) => {
      begun.open();
      await goOn;
      draft.a++;
    });
    await begun.opened;
    const next = updateJson<{ a: number }>(path, raise);
    expect((await new LockManager().tryAcquire({ file: path })) === undefined).toBe(true);
    open();
    await Promise.all([slow, next]);
    expect(readFileSync(path, 'utf8')).toBe('{ "a": 2 }');
  });

  it('keeps the bytes of what the recipe leaves alone: order, numbers, line ends, and the mark at the start [D8, D26, D27]', async () => {
    const text = '\ufeff{\r\n\t"b" : 1.0,\r\n\t"big": 12345678901234567890,\r\n\t"a": 1\r\n}';
    const { path } = fileWith(text, 'roles.json');
    await updateJson<{ a: number }>(path, raise);
    expect(readFileSync(path, 'utf8')).toBe(text.replace('"a": 1', '"a": 2'));
  });

  it('finds a document that an editor has moved away while it writes it anew [R26]', async () => {
    const { path } = fileWith('{ "a": 5 }', 'roles.json');
    renameSync(path, `${path}~`);
    const updated = updateJson<{ a: number }>(path, raise);
    setImmediate(() => renameSync(`${path}~`, path));
    expect(await updated).toEqual({ a: 6 });
    const { document } = await opened('{ "a": 5 }', { create: { a: 0 } });
    renameSync(document.path, `${document.path}~`);
    const raised = document.update(raise);
    setImmediate(() => setImmediate(() => renameSync(`${document.path}~`, document.path)));
    expect(await raised).toEqual({ a: 6 });
  });

  it('removes what a writer has left that was killed [D29]', async () => {
    const { directory, path } = fileWith('{ "a": 0 }', 'roles.json');
    const left = join(directory, temporaryName('roles.json'));
    writeFileSync(left, '{ "a": 0 }');
    await updateJson<{ a: number }>(path, raise);
    expect(existsSync(left)).toBe(false);
  });

  it('of a document in a directory that does not exist is refused, and makes none [D7]', async () => {
    const { directory } = fileWith('{}', 'roles.json');
    const path = join(directory, 'missing', 'roles.json');
    const missing = { code: 'HOLDFAST_MISSING', path };
    await expect(updateJson(path, raise as never)).rejects.toMatchObject(missing);
    await expect(restoreBackup(path)).rejects.toMatchObject(missing);
    expect(existsSync(join(directory, 'missing'))).toBe(false);
  });

  it('of an open document whose directory is gone is refused, and makes none: it is made anew only by `create` [D7]', async () => {
    const missing = { code: 'HOLDFAST_MISSING' };
    const without = await opened('{ "a": 0 }');
    without.document.edit(raise);
    rmSync(without.directory, { recursive: true });
    for (const call of [
      () => without.document.update(raise),
      () => without.document.save(),
      () => without.document.restore(),
      () => without.document.reload(),
    ]) {
      await expect(call()).rejects.toMatchObject(missing);
    }
    expect(() => without.document.backups()).toThrow(expect.objectContaining(missing));
    await without.document.remove(); // as where only the file is gone
    expect(without.document.hasUnsaved).toBe(false);
    expect(existsSync(without.directory)).toBe(false);

    const made = await opened('{ "a": 0 }', { create: { a: 5 } });
    rmSync(made.directory, { recursive: true });
    await expect(made.document.restore()).rejects.toMatchObject(missing);
    await made.document.remove();
    expect(existsSync(made.directory)).toBe(false);
    expect(await made.document.update(raise)).toEqual({ a: 6 });
  });

  it.each([
    ['broken', '{ "a": 1,'],
    ['empty', ''],
    ['UTF-16', Buffer.from('\ufeff{"a":1}', 'utf16le')],
  ])('of a document that is %s is refused, and touches nothing [D7]', async (_how, text) => {
    const { directory, path } = fileWith(text, 'roles.json');
    const before = readFileSync(path);
    await expect(updateJson(path, raise as never)).rejects.toMatchObject({ code: 'HOLDFAST_DAMAGED' });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(backupsIn(directory)).toEqual([]);
  });
});

describe('a document', () => {
  it('is deleted after a backup of it was made', async () => {
    const { directory, path, document } = await opened('{ "a": 3 }\n');
    await document.remove();
    expect(existsSync(path)).toBe(false);
    const [backup] = backupsIn(directory);
    expect(readFileSync(join(directory, String(backup)), 'utf8')).toBe('{ "a": 3 }\n');
    expect(() => document.read()).toThrow(expect.objectContaining({ code: 'HOLDFAST_MISSING' }));
  });

  it('of an older version is raised once, after a backup, and keeps the members nobody knows [D32]', async () => {
    const { directory, path } = fileWith('{ "name": "x", "strange": [1.0] }\n', 'roles.json');
    const migrate = { version: 2, up: (value: unknown) => ({ ...(value as object), title: 'y' }) };
    const document = await openDocument(path, { migrate });
    await document.close();
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      ...{ name: 'x', strange: [1], title: 'y', $version: 2 },
    });
    expect(readFileSync(path, 'utf8')).toContain('[1.0]');
    expect(backupsIn(directory).length).toBe(1);
    const again = await openDocument(path, { migrate });
    await again.close();
    expect(backupsIn(directory).length).toBe(1);
  });

  it('of a newer version is read, and refuses every change [D32]', async () => {
    const { path } = fileWith('{ "$version": 9, "a": 1 }\n', 'roles.json');
    const document = await openDocument<{ a: number }>(path, {
      migrate: { version: 2, up: (value) => value },
    });
    expect(document.read().a).toBe(1);
    await expect(document.update(raise)).rejects.toMatchObject({ code: 'HOLDFAST_SCHEMA_TOO_NEW' });
    await document.close();
    expect(readFileSync(path, 'utf8')).toBe('{ "$version": 9, "a": 1 }\n');
  });
});

describe.each(['kernel', 'portable'] as const)(
  'a document with a manager of its own, of the %s engine,',
  (engine) => {
    it('has every operation that writes done under a lock of that manager, beside its file [R55, R56, R59]', async () => {
      const { directory, path } = fileWith('{ "a": ', 'roles.json');
      const locks = new LockManager({ engine });
      const granted: unknown[] = [];
      const stop = onLockEvent('granted', ({ manager, mode, path: lock, contract }) => {
        if (lock.startsWith(directory)) granted.push([manager === locks.id, mode, lock, contract]);
      });
      onTestFinished(stop);
      const under = async (work: () => Promise<unknown>) => {
        granted.length = 0;
        await work();
        return granted.length;
      };
      const own = [
        true,
        'exclusive',
        join(directory, '.roles.json.lock'),
        engine === 'kernel' ? 'kernel' : 'claim',
      ];
      const options = { locks, create: { a: 0 }, recover: 'auto' } as const;
      writeFileSync(`${path}.20261130T000000.000Z.bak`, '{ "a": 1 }');

      const open = async (more = {}) => {
        const document = await openDocument<{ a: number }>(path, { ...options, ...more });
        onTestFinished(() => document.close());
        return document;
      };
      const works: Record<string, () => Promise<unknown>> = {
        recover: () => open(),
        migrate: () => open({ migrate: { version: 2, up: (value: object) => value } }),
        remove: async () => (await open()).remove(),
        create: () => open(),
        update: async () => (await open()).update((draft) => void draft.a++),
        save: async () => {
          const document = await open();
          document.edit((draft) => void draft.a++);
          await document.save();
        },
        'a text edit': () => updateFile(path, (text) => `${text}\n`, { locks }),
      };
      for (const [name, work] of Object.entries(works)) {
        expect(await under(work), name).toBe(1);
        expect(granted, name).toEqual([own]);
      }
      expect(readFileSync(path, 'utf8')).toBe('{\n  "a": 2\n}\n\n');
    });
  },
);
