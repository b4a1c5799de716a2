import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import {
  type DocumentTimeoutError,
  openDocument,
  resolveConflict,
  unresolvedConflicts,
} from 'holdfast/document';
import { describe, expect, it, onTestFinished } from 'vitest';
import { within } from '../support/deadline.ts';
import { memoryDirectory } from '../support/temp.ts';
import { someTurns } from '../support/turns.ts';
import { until } from '../support/until.ts';
import { type Counter, opened, raise, setting } from './opened.ts';

/** A document whose lock is held by somebody else. */
async function held() {
  const found = await opened(undefined, { timeout: 20 });
  const lock = await new LockManager().acquire({ file: found.path }, { purpose: 'a long edit' });
  onTestFinished(() => lock.release());
  const failed = async (change: () => Promise<unknown> = () => found.document.update(raise)) =>
    (await change().catch((error: unknown) => error)) as DocumentTimeoutError;
  return { ...found, lock, failed };
}

describe('a change that waits for as long as it takes', () => {
  it('is no reason for another one to wait longer than it was told to [R41, R43]', async () => {
    const { document, lock, failed } = await held();
    const later = (await failed()).later();
    await someTurns();
    expect(await within(failed(), 'its end')).toMatchObject({
      code: 'HOLDFAST_TIMEOUT',
      holder: { purpose: 'a long edit' },
    });
    await lock.release();
    expect(await within(later, 'the change')).toEqual({ a: 1 });
    expect(document.read()).toEqual({ a: 1 });
  });

  it('waits on when one that was issued with it gives up [R43]', async () => {
    const { document, lock, failed } = await held();
    const first = await failed();
    const impatient = failed();
    const later = first.later();
    expect((await within(impatient, 'its end')).code).toBe('HOLDFAST_TIMEOUT');
    await lock.release();
    expect(await within(later, 'the change')).toEqual({ a: 1 });
    await document.close();
  });

  it('keeps no document from closing, and is told [R42]', async () => {
    const { document, text, failed } = await held();
    const late = await failed();
    const later = failed(() => late.later() as Promise<unknown>);
    await someTurns();
    await within(document.close(), 'the close');
    expect((await later).code).toBe('HOLDFAST_TIMEOUT');
    expect(text()).toBe('{ "a": 0 }\n');
    await expect(late.retry()).rejects.toThrow();
  });
});

describe('edits whose save was late', () => {
  it('are still there, and are saved by a retry [R42, R43]', async () => {
    const { document, lock, text, failed } = await held();
    document.edit(setting('a', 5));
    const late = await failed(() => document.save());
    expect(document.hasUnsaved).toBe(true);
    expect(document.read()).toEqual({ a: 5 });
    late.cancel();
    expect(document.read()).toEqual({ a: 5 });
    const again = await failed(() => document.save());
    await lock.release();
    await again.retry();
    expect([text(), document.hasUnsaved]).toEqual(['{ "a": 5 }\n', false]);
  });

  it('can be saved by nobody once the document is closed [R42]', async () => {
    const { document, lock, text, failed } = await held();
    const late = await failed();
    await document.close();
    await lock.release();
    await expect(late.retry()).rejects.toMatchObject({ code: 'HOLDFAST_DOCUMENT_STATE' });
    expect(text()).toBe('{ "a": 0 }\n');
  });
});

it('every change of others is logged, and the line of whoever wrote it has the same hash, but for programs without the lock [R24]', async () => {
  const directory = memoryDirectory();
  const path = join(directory, 'roles.json');
  writeFileSync(path, '{ "a": 0 }');
  const opens = async (name: string) => {
    const audit = { path: join(directory, `${name}.jsonl`) };
    const locks = new LockManager({ audit });
    const document = await openDocument<Counter>(path, { locks });
    onTestFinished(async () => {
      await document.close();
      locks.close();
    });
    const lines = (event: string) =>
      readFileSync(audit.path, 'utf8')
        .split('\n')
        .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]))
        .filter((line) => line.event === `document:${event}`);
    return { document, lines };
  };
  const [mine, theirs] = [await opens('mine'), await opens('theirs')];
  await theirs.document.update(raise);
  expect(mine.document.read()).toEqual({ a: 1 });
  writeFileSync(path, '{ "a": 7 }');
  await until(() => mine.document.read().a === 7, 'it is seen');
  const seen = mine.lines('external');
  expect(seen).toHaveLength(2);
  const written = theirs.lines('written');
  expect(written).toMatchObject([{ hash: seen[0]?.hash, pid: process.pid, resource: path }]);
  expect(written.map(({ hash }) => hash)).not.toContain(seen[1]?.hash);
  expect(seen[1]).toMatchObject({ writtenAt: expect.any(String), uid: process.getuid?.() ?? 0 });
  expect(mine.lines('written')).toEqual([]);
});

it('a lock that is not free in time keeps a conflict from being resolved, and leaves it [R41]', async () => {
  const { document, path } = await opened();
  document.edit(setting('a', 1));
  writeFileSync(path, '{ "a": 2 }');
  await document.save().catch(() => {});
  const lock = await new LockManager().acquire({ file: path });
  const [unresolved] = await unresolvedConflicts(path);
  const late = resolveConflict(path, String(unresolved?.file), 'ours', { timeout: 1 });
  await expect(late).rejects.toMatchObject({ code: 'HOLDFAST_TIMEOUT' });
  await lock.release();
  expect(await unresolvedConflicts(path)).toHaveLength(1);
});
