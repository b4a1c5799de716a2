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
import { type Counter, opened, raise, setting } from './opened.ts';

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

it('an update whose lock is lost each time is tried three times, after pauses that grow [R6]', async () => {
  const clock = new StoppedClock();
  const { document, path, text } = await opened(undefined, { holdLimit: 1_000 });
  const order: string[] = [];
  const listen = (name: 'granted' | 'lost', listener: () => void) =>
    onTestFinished(onLockEvent(name, (event) => event.path.startsWith(dirname(path)) && listener()));
  listen('granted', () => order.push('granted'));
  let losses = 0;
  listen('lost', () => {
    const shorter = 20 * 2 ** losses++ - 1; // of two timers, the one that is due first comes first
    setTimeout(() => order.push(`after ${shorter} ms`), shorter);
  });
  steps.reached = (name) => {
    if (name === 'fresh') clock.advance(1_001);
  };
  onTestFinished(() => {
    steps.reached = undefined;
  });
  await expect(document.update(raise)).rejects.toMatchObject({ code: 'HOLDFAST_LOST' });
  expect(order).toEqual(['granted', 'after 19 ms', 'granted', 'after 39 ms', 'granted']);
  expect(text()).toBe('{ "a": 0 }\n');
});

describe('of updates that are issued together', () => {
  /** Recipes that take their time, in units of the hold limit; how often each ran is counted. */
  async function timed(how: 'synchronous' | 'asynchronous') {
    const found = await opened('{ "a": 0, "b": 0, "c": 0 }', { holdLimit: 1_000 });
    const clock = new StoppedClock();
    const runs = { a: 0, b: 0, c: 0 };
    const update = (name: 'a' | 'b' | 'c', share = 0) => {
      const recipe = (draft: Counter) => {
        runs[name]++;
        if (how === 'synchronous') clock.advance(share * 1_000);
        setting(name, 1)(draft);
      };
      const waiting = async (draft: Counter) => {
        recipe(draft);
        await clock.elapse(share * 1_000);
      };
      return found.document.update(how === 'synchronous' ? recipe : waiting);
    };
    return { ...found, runs, update };
  }
  const lost = { code: 'HOLDFAST_LOST', reason: 'hold-limit' };

  it.each(['synchronous', 'asynchronous'] as const)(
    'only the one fails that holds the lock too long, be its recipe %s, and the others are done [R11, D34]',
    async (how) => {
      const { update, runs, text } = await timed(how);
      const [first, last, long] = [update('a', 1.1), update('b'), update('c', 1.1)];
      await expect(within(first, 'the first')).rejects.toMatchObject(lost);
      await within(last, 'the one between them');
      await expect(within(long, 'the last')).rejects.toMatchObject(lost);
      expect(text()).toBe('{ "a": 0, "b": 1, "c": 0 }');
      expect(runs).toEqual({ a: 1, b: 1, c: 1 });
    },
  );

  it.each(['synchronous', 'asynchronous'] as const)(
    'none fails where they are too long together and not one by one, be their recipes %s [R11, R32]',
    async (how) => {
      const { update, text } = await timed(how);
      await within(Promise.all([update('a', 0.6), update('b', 0.6), update('c', 0.6)]), 'all');
      expect(text()).toBe('{ "a": 1, "b": 1, "c": 1 }');
    },
  );
});

it.each(['synchronous', 'asynchronous'])(
  'an update whose lock is taken away while its %s recipe runs is tried again [R6, R77]',
  async (how) => {
    const { document, directory, text } = await opened();
    let runs = 0;
    const recipe = (draft: Counter) => {
      raise(draft);
      if (++runs === 1) rmSync(join(directory, '.roles.json.lock'));
    };
    await document.update(
      how === 'synchronous'
        ? recipe
        : async (draft) => {
            recipe(draft);
            if (runs === 1) await new Promise(() => {});
          },
    );
    expect([runs, text()]).toEqual([2, '{ "a": 1 }\n']);
  },
);
