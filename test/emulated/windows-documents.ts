import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDocument } from 'holdfast/document';
import { describe, expect, it, onTestFinished } from 'vitest';
import { native } from '../../src/binding/index.ts';
import { tempDirectory } from '../support/temp.ts';

interface Counter {
  a: number;
}

async function opened() {
  const directory = tempDirectory();
  const path = join(directory, 'roles.json');
  writeFileSync(path, '{ "a": 0 }\r\n');
  const document = await openDocument<Counter>(path);
  onTestFinished(() => document.close());
  return { directory, path, document, text: () => readFileSync(path, 'utf8') };
}

const raise = (draft: Counter) => {
  draft.a++;
};

const [GENERIC_READ, SHARE_READ, OPEN_EXISTING] = [0x80000000, 1, 3];

/** Opens a file as scanners and indexers do, so that nobody may replace or remove it; returns what closes it. */
function open(path: string): () => void {
  const kernel32 = native().load('kernel32.dll');
  const createFile = kernel32.func(
    'intptr_t __stdcall CreateFileW(str16 path, uint32_t access, uint32_t share, void *security, uint32_t how, uint32_t flags, void *template)',
  );
  const closeHandle = kernel32.func('int __stdcall CloseHandle(intptr_t handle)');
  const handle = createFile(path, GENERIC_READ, SHARE_READ, null, OPEN_EXISTING, 0, null);
  expect(Number(handle)).toBeGreaterThan(0);
  return () => expect(closeHandle(handle)).not.toBe(0);
}

/** The texts of the backups in a directory where nothing else is beside the document but its lock and its notes. */
function left(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => name !== 'roles.json' && !/^\.roles/.test(name));
  for (const name of names) expect(name).toMatch(/\.bak$/);
  return names.map((name) => readFileSync(join(directory, name), 'utf8'));
}

/** Calls back at each pause that this thread makes until the test is over. */
function atEachPause(act: (count: number) => void): void {
  const { wait } = Atomics;
  let count = 0;
  Object.assign(Atomics, {
    wait: (...args: Parameters<typeof wait>) => {
      act(++count);
      return wait(...args);
    },
  });
  onTestFinished(() => void Object.assign(Atomics, { wait }));
}

describe('a document on Windows [R64]', () => {
  it('is updated, keeps its line ends, and leaves nothing but its backup and its lock file', async () => {
    const { directory, document, text } = await opened();
    expect(await document.update(raise)).toEqual({ a: 1 });
    expect(text()).toBe('{ "a": 1 }\r\n');
    expect(left(directory)).toEqual(['{ "a": 0 }\r\n']);
  });

  it('is removed after a backup of it', async () => {
    const { directory, document } = await opened();
    await document.remove();
    expect(left(directory)).toEqual(['{ "a": 0 }\r\n']);
  });

  it('that somebody has open is replaced once it is closed, by the same update [D12]', async () => {
    const { document, path, text } = await opened();
    const close = open(path);
    let pauses = 0;
    atEachPause((count) => {
      pauses = count;
      if (count === 3) close();
    });
    expect(await document.update(raise)).toEqual({ a: 1 });
    expect(pauses).toBeGreaterThanOrEqual(3);
    expect(text()).toBe('{ "a": 1 }\r\n');
  });

  it('that is never closed is left as it is, with a typed error and no litter, and is updated later [D12]', async () => {
    const { directory, document, path, text } = await opened();
    const close = open(path);
    const refused: unknown = await document.update(raise).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'HOLDFAST_NOT_WRITTEN' });
    expect(String((refused as { cause: { code: string } }).cause.code)).toMatch(/^(EPERM|EBUSY|EACCES)$/);
    expect(text()).toBe('{ "a": 0 }\r\n');
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    close();
    expect(await document.update(raise)).toEqual({ a: 1 });
  });
});
