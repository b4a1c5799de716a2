import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onLockEvent } from 'holdfast';
import { openDocument } from 'holdfast/document';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { temporaryName } from '../../src/document/file/names.ts';
import { steps } from '../../src/document/file/publish.ts';
import { awaited, run } from '../../src/lock/work.ts';
import { exchanges } from '../../src/storage/exchange/index.ts';
import { StoppedClock } from '../support/clock.ts';
import { within } from '../support/deadline.ts';
import { passTime } from '../support/time.mjs';
import { someTurns } from '../support/turns.ts';
import { until } from '../support/until.ts';
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
    utimesSync(half, 1, 1); // as `mv` and `cp -p` bring an old text along
    await document.update(raise);
    expect(existsSync(half)).toBe(true);
    const later = Date.now() + 3_700_000;
    const clock = vi.spyOn(Date, 'now').mockReturnValue(later);
    onTestFinished(() => clock.mockRestore());
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

it('where nothing can be exchanged, what an outsider wrote before the last look is in the update, and that is told [D35]', async () => {
  const { of } = exchanges;
  exchanges.of = undefined;
  onTestFinished(() => {
    exchanges.of = of;
    steps.reached = undefined;
  });
  const { document, path, text } = await opened('{ "a": 0, "b": 0 }');
  const told: string[] = [];
  document.on('degraded', ({ reason }) => told.push(reason));
  steps.reached = (name) => {
    if (name !== 'fresh') return;
    steps.reached = undefined;
    rmSync(path);
    writeFileSync(path, '{ "a": 5, "b": 1 }');
  };
  await document.update(raise);
  expect(text()).toBe('{ "a": 6, "b": 1 }');
  await until(() => told.length > 0, 'it is told');
  expect(told).toEqual(['no-exchange']);
});

it('a lock that is lost before the file is replaced has the update start over [R77]', async () => {
  const clock = new StoppedClock();
  const { document } = await opened(undefined, { holdLimit: 1_000 });
  const reached: string[] = [];
  steps.reached = (name) => {
    reached.push(name);
    if (reached.length === 2) clock.advance(1_001);
  };
  onTestFinished(() => {
    steps.reached = undefined;
  });
  expect(await document.update(raise)).toEqual({ a: 1 });
  expect(reached.filter((name) => name === 'fresh')).toHaveLength(2);
  expect(reached.filter((name) => name === 'exchanged')).toHaveLength(1);
});

it('what a recipe promises is not waited for where its lock is lost already', async () => {
  const reason = new Error('lost');
  const lost = { signal: AbortSignal.abort(reason) };
  const waiting = run(awaited(new Promise(() => {}), 'it'), lost);
  await expect(within(waiting, 'the loss')).rejects.toBe(reason);
});

it('an update whose lock others lose is tried three times, after pauses that grow [R6, R11]', async () => {
  const holdLimit = 5_000;
  const { document, path } = await opened(undefined, { holdLimit });
  const order: string[] = [];
  const listen = (name: 'granted' | 'lost', listener: () => void) =>
    onTestFinished(onLockEvent(name, (event) => event.path.startsWith(dirname(path)) && listener()));
  listen('granted', () => order.push('granted'));
  let losses = 0;
  listen('lost', () => {
    const shorter = 20 * 2 ** losses++ - 1; // of two timers, the one that is due first comes first
    setTimeout(() => order.push(`after ${shorter} ms`), shorter);
  });
  let begun = 0;
  const hang = () =>
    document
      .update(() => {
        begun++;
        return new Promise<never>(() => {});
      })
      .catch(({ code }) => code);
  const cutOff = async (count: number) => {
    begun = 0;
    for (let cut = 1; cut <= count; cut++) {
      await until(() => begun === cut, 'a recipe hangs');
      await passTime(holdLimit);
    }
  };

  const two = [hang(), hang()];
  const third = document.update(raise);
  await cutOff(2);
  expect(await third).toEqual({ a: 1 });
  expect(order).toEqual(['granted', 'after 19 ms', 'granted', 'after 39 ms', 'granted']);
  expect(await Promise.all(two)).toEqual(['HOLDFAST_LOST', 'HOLDFAST_LOST']);

  order.length = 0;
  const three = [hang(), hang(), hang()];
  const refused = expect(document.update(raise)).rejects.toMatchObject({ code: 'HOLDFAST_LOST' });
  await cutOff(3);
  await refused;
  expect(order.filter((each) => each === 'granted')).toHaveLength(3);
  await Promise.all(three);
});
