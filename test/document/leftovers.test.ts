import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDocument } from 'holdfast/document';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryName } from '../../src/document/file/names.ts';
import { steps } from '../../src/document/file/publish.ts';
import { passTime } from '../support/time.mjs';
import { someTurns } from '../support/turns.ts';
import { type Counter, opened, raise } from './opened.ts';

const backupsIn = (directory: string) =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.bak'))
    .map((name) => readFileSync(join(directory, name), 'utf8'));

describe('what a killed writer of a document left', () => {
  const left = (directory: string, text: string, of = 'roles.json') => {
    const path = join(directory, temporaryName(of));
    writeFileSync(path, text);
    return path;
  };

  it('becomes a backup at the next save, if nobody else has that text, and is gone then [D29]', async () => {
    const { directory, document } = await opened('{ "a": 0 }');
    const [foreign, current] = [left(directory, '{ "a": 77 }'), left(directory, '{ "a": 0 }')];
    await document.update(raise);
    expect([foreign, current].map((path) => existsSync(path))).toEqual([false, false]);
    expect(backupsIn(directory).toSorted()).toEqual(['{ "a": 0 }', '{ "a": 77 }']);
  });

  it('is kept though this program has read it at the path before: the file has another text by now [D29, D35]', async () => {
    const { directory, path, document } = await opened('{ "a": 77 }', { follow: 'manual' });
    left(directory, '{ "a": 77 }'); // an outsider's, that came out in the last save of a writer that was killed then
    rmSync(path);
    writeFileSync(path, '{ "a": 1 }');
    expect(await document.update(raise)).toEqual({ a: 2 });
    expect(backupsIn(directory)).toContain('{ "a": 77 }');
  });

  it('stays for an hour where it is no whole text, for somebody may still write it [D29]', async () => {
    const { directory, path, document } = await opened();
    const half = left(directory, '{ "a": ');
    await document.update(raise);
    expect(existsSync(half)).toBe(true);
    utimesSync(half, 1, 1);
    const next = await openDocument<Counter>(path);
    onTestFinished(() => next.close());
    await next.update(raise);
    expect(existsSync(half)).toBe(false);
  });

  it('is left alone where it belongs to another document, whose writer may be alive', async () => {
    const { directory, document } = await opened();
    const other = left(directory, '{ "a": 1 }', 'other.json');
    await document.update(raise);
    expect(existsSync(other)).toBe(true);
  });
});

it('a file that is being written in place is waited for, and is not damaged', async () => {
  const { document, path } = await opened();
  writeFileSync(path, '{ "a": ');
  const update = document.update(raise);
  await someTurns();
  writeFileSync(path, '{ "a": 4 }');
  await passTime(100);
  expect(await update).toEqual({ a: 5 });
});

it('a read in the middle of a save gives the version before, and tells of no change from outside [D17]', async () => {
  const { document } = await opened();
  const told: unknown[] = [];
  const read: unknown[] = [];
  document.on('external', ({ value }) => told.push(value));
  steps.reached = (name) => {
    if (name === 'exchanged') read.push(document.read().a);
  };
  onTestFinished(() => {
    steps.reached = undefined;
  });
  await document.update(raise);
  await document.update(raise);
  expect(read).toEqual([0, 1]);
  expect(told).toEqual([]);
});
