import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { openDocument, updateJson } from 'holdfast/document';
import { describe, expect, it, onTestFinished } from 'vitest';
import { steps } from '../../src/document/file/publish.ts';
import { gate, within } from '../support/deadline.ts';
import { memoryDirectory } from '../support/temp.ts';
import { someTurns } from '../support/turns.ts';
import { type Counter, opened, raise } from './opened.ts';

describe('a document behind links', () => {
  it('is written through them, and they stay [D9]', async () => {
    const directory = memoryDirectory();
    const real = join(directory, 'real');
    mkdirSync(real);
    symlinkSync('real', join(directory, 'way'));
    writeFileSync(join(real, 'roles.json'), '{ "a": 0 }');
    symlinkSync('way/roles.json', join(directory, 'second.json'));
    symlinkSync('second.json', join(directory, 'first.json'));
    const document = await openDocument<Counter>(join(directory, 'first.json'));
    await document.update(raise);
    await document.close();
    expect(lstatSync(join(directory, 'first.json')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(real, 'roles.json'), 'utf8')).toBe('{ "a": 1 }');
    expect(readdirSync(directory).sort()).toEqual(['first.json', 'real', 'second.json', 'way']);
    expect(readdirSync(real)).toContain('.roles.json.lock');
  });

  it('that takes the place of the file, a moment after that was moved away, is not damaged, and is followed [D9]', async () => {
    const { document, directory, path } = await opened('{ "a": 0 }\n');
    const told: string[] = [];
    const seen = gate();
    document.on('damaged', ({ message }) => told.push(message));
    document.on('external', () => seen.open());
    const real = join(directory, 'real.json');
    renameSync(path, real);
    document.read(); // asks for a look, which waits for the file to be back
    await someTurns(5);
    symlinkSync('real.json', path);
    writeFileSync(real, '{ "a": 7 }');
    await within(seen.opened, 'the look at what the link leads to');
    expect([told, document.read()]).toEqual([[], { a: 7 }]);
  });

  it.each(['update', 'updateJson'])(
    'that takes the place of the file while it is changed is followed, and the change is made there: %s [D9]',
    async (how) => {
      const { directory, document, path } = await opened('{ "a": 1 }');
      const real = join(directory, 'real.json');
      writeFileSync(real, '{ "a": 5 }');
      onTestFinished(() => {
        steps.reached = undefined;
      });
      steps.reached = (name) => {
        if (name !== 'fresh') return;
        steps.reached = undefined;
        renameSync(path, join(directory, 'old.json'));
        symlinkSync('real.json', path);
      };
      await (how === 'update' ? document.update(raise) : updateJson<Counter>(path, raise));
      expect(readFileSync(real, 'utf8')).toBe('{ "a": 6 }');
      expect(readFileSync(join(directory, 'old.json'), 'utf8')).toBe('{ "a": 1 }');
      expect(readlinkSync(path)).toBe('real.json');
      expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    },
  );

  it('that lead nowhere has its target made, if it may be made, and is missing otherwise [D9]', async () => {
    const directory = memoryDirectory();
    const link = join(directory, 'link.json');
    symlinkSync('target.json', link);
    await expect(openDocument(link)).rejects.toMatchObject({ code: 'HOLDFAST_MISSING' });
    const document = await openDocument(link, { create: { a: 0 } });
    await document.close();
    expect(realpathSync(link)).toBe(join(directory, 'target.json'));
    expect(statSync(link).mode & 0o777).toBe(0o600);
  });

  it('that lead in a circle is a typed error [D9]', async () => {
    const directory = memoryDirectory();
    symlinkSync('b.json', join(directory, 'a.json'));
    symlinkSync('a.json', join(directory, 'b.json'));
    const error = {
      code: 'HOLDFAST_INPUT',
      input: 'path',
      message: expect.stringContaining('symbolic links'),
    };
    await expect(openDocument(join(directory, 'a.json'))).rejects.toMatchObject(error);
  });
});

it('keeps the mode of the file under any umask [D11]', async () => {
  const { document, path } = await opened();
  chmodSync(path, 0o664);
  const before = process.umask(0o077);
  onTestFinished(() => void process.umask(before));
  await document.update(raise);
  expect(statSync(path).mode & 0o777).toBe(0o664);
});

describe('what cannot be a document', () => {
  it.each([
    ['a trailing comma', '{ "a": 1,\n}', 1],
    ['half a text', '{ "a": [1, ', 1],
    ['nothing', '', 1],
    ['UTF-16', Buffer.from('\uFEFF{}', 'utf16le'), undefined],
    ['NUL bytes', Buffer.alloc(20), 1],
  ])('is left as it is: %s [D7]', async (_what, bytes, line) => {
    const path = join(memoryDirectory(), 'roles.json');
    writeFileSync(path, bytes);
    const error: unknown = await openDocument(path, { create: { a: 0 } }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'HOLDFAST_DAMAGED', line });
    expect(readFileSync(path)).toEqual(Buffer.from(bytes));
  });

  it('is a typed error at once: a directory, or a file that is too large', async () => {
    const directory = memoryDirectory();
    await expect(openDocument(directory)).rejects.toMatchObject({ code: 'HOLDFAST_UNREADABLE' });
    const path = join(directory, 'roles.json');
    writeFileSync(path, '{ "a": 0 }');
    await expect(openDocument(path, { maxBytes: 5 })).rejects.toMatchObject({ code: 'HOLDFAST_UNREADABLE' });
  });
});

it('that is damaged is restored from its newest whole backup where that was asked for, and is kept', async () => {
  const { directory, path, document } = await opened();
  await document.update(raise);
  await document.close();
  writeFileSync(path, '{ "a": ');
  const restored = await openDocument<Counter>(path, { recover: 'auto' });
  expect(restored.read()).toEqual({ a: 0 });
  expect(readFileSync(join(directory, restored.restored?.corrupt ?? ''), 'utf8')).toBe('{ "a": ');
  await restored.close();
});
