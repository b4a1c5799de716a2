import { lstatSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager, TimeoutError } from 'holdfast';
import type { DocumentTimeoutError } from 'holdfast/document';
import { describe, expect, it, onTestFinished } from 'vitest';
import { steps } from '../../src/document/file/publish.ts';
import { gate, within } from '../support/deadline.ts';
import { memoryDirectory } from '../support/temp.ts';
import { someTurns } from '../support/turns.ts';
import { until } from '../support/until.ts';
import { type Counter, opened, raise, setting } from './opened.ts';

/** Counts the saves that were published until the test is over. */
function countSaves(): () => number {
  let saves = 0;
  steps.reached = (name) => {
    if (name === 'synced') saves++;
  };
  onTestFinished(() => {
    steps.reached = undefined;
  });
  return () => saves;
}

describe('an update', () => {
  it('changes its draft in place or returns a new value, and is read at once [R36]', async () => {
    const { document, text } = await opened();
    expect(await document.update(raise)).toEqual({ a: 1 });
    expect(document.read()).toEqual({ a: 1 });
    await document.update(() => ({ a: 7 }));
    expect(document.read()).toEqual({ a: 7 });
    expect(JSON.parse(text())).toEqual({ a: 7 });
  });

  it('that is asynchronous holds the lock until it is over [R29]', async () => {
    const { document, path } = await opened();
    const { opened: goOn, open } = gate();
    const begun = gate();
    const slow = document.update(async (draft) => {
      begun.open();
      await goOn;
      draft.a = 10;
    });
    await within(begun.opened, 'the recipe begins');
    const lock = await new LockManager().tryAcquire({ file: path });
    expect(lock).toBeUndefined();
    const next = document.update(raise);
    open();
    expect(await slow).toEqual({ a: 10 });
    expect(await next).toEqual({ a: 11 });
  });

  it.each([
    ['a byte order mark and CR LF', '\uFEFF{\r\n\t"a": 0,\r\n\t"b": [1,2]\r\n}\r\n'],
    ['numbers that no double holds', '{"big": 9007199254740993,   "e": 1e400, "z": -0, "a": 0}'],
    ['members in an order of their own', '{ "b": 1, "10": 2, "a": 0, "1": 3 }\n'],
  ])('changes the bytes of what it changed alone: %s [D8, D26]', async (_what, before) => {
    const { document, text } = await opened(before);
    await document.update(raise);
    expect(text()).toBe(before.replace('"a": 0', '"a": 1'));
  });

  it('that leaves the value as it is writes nothing [R31]', async () => {
    const { document, path } = await opened();
    const saves = countSaves();
    const before = statSync(path, { bigint: true });
    await document.update(() => undefined);
    await document.update(() => ({ a: 0 }));
    expect(saves()).toBe(0);
    expect(statSync(path, { bigint: true })).toEqual(before);
  });

  it('is one of a thousand that are one write, in their order [R30, R31, R32]', async () => {
    const { document } = await opened('{ "a": 0, "order": [] }');
    const saves = countSaves();
    const updates = Array.from({ length: 1000 }, (_, index) =>
      document.update((draft) => {
        draft.a++;
        (draft.order as number[]).push(index);
      }),
    );
    await Promise.all(updates);
    expect(document.read().order).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    expect(saves()).toBeLessThanOrEqual(20);
  });

  it('is told to be done after a sync of a text that it is in [D5]', async () => {
    const { document, text } = await opened('{ "a": 0 }');
    let synced = '';
    steps.reached = (name) => {
      if (name === 'synced') synced = text();
    };
    onTestFinished(() => {
      steps.reached = undefined;
    });
    const told = Array.from({ length: 30 }, async (_, turn) => {
      await someTurns(turn % 7); // so that some come while others are written
      await document.update(setting(`n${turn}`, turn));
      expect(JSON.parse(synced)).toHaveProperty(`n${turn}`, turn);
    });
    await Promise.all(told);
  });

  it('that throws after it changed its draft rejects alone [D34]', async () => {
    const { document } = await opened();
    const bad = document.update((draft) => {
      draft.a = 99;
      throw new Error('no');
    });
    const good = document.update(raise);
    await expect(bad).rejects.toThrow('no');
    expect(await good).toEqual({ a: 1 });
  });

  it('inside of a recipe of the same document is a typed error, and the outer one goes on [D34]', async () => {
    const { document } = await opened();
    let inner: unknown;
    await document.update(async (draft) => {
      inner = await document.update(raise).catch((error: unknown) => error);
      draft.a = 5;
    });
    expect(inner).toMatchObject({ code: 'HOLDFAST_DOCUMENT_STATE', state: 'in-recipe' });
    expect(document.read()).toEqual({ a: 5 });
  });

  it('that never ends is cut off by the hold limit, and those behind it are done [R11, D34]', async () => {
    const { document } = await opened(undefined, { holdLimit: 50 });
    const hanging = document.update(() => new Promise<never>(() => {}));
    const next = document.update(raise);
    await expect(hanging).rejects.toMatchObject({ code: 'HOLDFAST_LOST', reason: 'hold-limit' });
    expect(await within(next, 'the next update')).toEqual({ a: 1 });
  });

  it('to what is not JSON, or does not fit the schema, rejects alone and touches nothing', async () => {
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: async (value: unknown) =>
          typeof (value as Counter).a === 'number'
            ? { value: value as Counter }
            : { issues: [{ message: 'must be a number', path: ['a'] }] },
      },
    };
    const { document, text } = await opened(undefined, { schema });
    const bad = document.update((draft) => ({ ...draft, a: 'x' as never }));
    const worse = document.update((draft) => ({ ...draft, a: Number.NaN }));
    await expect(bad).rejects.toMatchObject({ code: 'HOLDFAST_INVALID', issues: ['a: must be a number'] });
    await expect(worse).rejects.toMatchObject({ code: 'HOLDFAST_INPUT' });
    expect(text()).toBe('{ "a": 0 }\n');
    expect(await document.update(raise)).toEqual({ a: 1 });
  });
});

it('updates that await each other, one after the other, leave timers their turn [R72]', async () => {
  const { document } = await opened();
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  onTestFinished(() => clearInterval(timer));
  const begun = performance.now();
  for (let count = 0; turns < 3; count++) {
    if (count > 1000 && performance.now() - begun > 2000) break;
    await document.update(raise);
  }
  expect(turns).toBe(3);
});

describe('the value that read gives', () => {
  it('is frozen, and the same one as long as the file is [R34]', async () => {
    const { document, path } = await opened('{ "a": 0, "list": [{}] }');
    const value = document.read();
    expect(Object.isFrozen((value.list as unknown[])[0])).toBe(true);
    utimesSync(path, 1, 1);
    expect(document.read()).toBe(value);
  });

  it('is what another program saved before the call, without a lock [R25, R26, R33, R35]', async () => {
    const { document, path } = await opened();
    const lock = await new LockManager().acquire({ file: path });
    for (let a = 1; a < 200; a++) {
      writeFileSync(path, `{ "a": ${a} }`);
      expect(document.read().a).toBe(a);
    }
    await lock.release();
  });
});

describe('a save', () => {
  it('writes what was edited, merged with what others wrote meanwhile [R27, R28, D4]', async () => {
    const { document, path, text } = await opened('{ "a": 0, "b": 0 }');
    document.edit(setting('a', 1));
    writeFileSync(path, '{ "a": 0, "b": 2 }');
    expect(document.read()).toEqual({ a: 1, b: 0 });
    await document.save();
    expect(text()).toBe('{ "a": 1, "b": 2 }');
    expect(document.hasUnsaved).toBe(false);
  });

  it('writes edits of what was shown, and what came since beside them, where nothing is taken in unasked [R22, R28, D4]', async () => {
    const { document, path, text } = await opened('{ "a": 0, "b": 0 }', { follow: 'manual' });
    const told = new Promise((resolve) => document.on('external', resolve));
    writeFileSync(path, '{ "a": 1, "b": 0 }');
    await within(told, 'waiting for the change to be told');
    expect(document.read()).toEqual({ a: 0, b: 0 });
    document.edit(setting('b', 2));
    await document.save();
    expect(text()).toBe('{ "a": 1, "b": 2 }');
  });

  it('with a conflict writes nothing, keeps the edits, and both versions, once [R37, R39]', async () => {
    const { document, path, text, directory } = await opened('{ "a": 0 }');
    const told: unknown[] = [];
    document.on('conflict', (error) => told.push(error));
    document.edit(setting('a', 1));
    for (const theirs of ['{ "a": 2 }', '{ "a": 3 }']) {
      writeFileSync(path, theirs);
      const error: unknown = await document.save().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'HOLDFAST_CONFLICT',
        conflicts: [{ kind: 'edit-edit', text: 'a' }],
      });
      expect(text()).toBe(theirs);
      expect(document.read()).toEqual({ a: 1 });
    }
    expect(told).toHaveLength(2);
    const kept = readdirSync(directory).filter((name) => name.endsWith('.conflict'));
    expect(kept.map((name) => readFileSync(join(directory, name), 'utf8'))).toEqual(['{ "a": 1 }']);
    await document.reload({ edits: 'drop' });
    expect(document.read()).toEqual({ a: 3 });
  });

  it('of edits to a file that was deleted is a conflict, and an edit of later comes after it', async () => {
    const { document, path } = await opened();
    document.edit(raise);
    rmSync(path);
    await expect(document.save()).rejects.toMatchObject({ conflicts: [{ kind: 'edit-delete', text: '' }] });
    writeFileSync(path, '{ "a": 0 }');
    await document.save();
    expect(document.read()).toEqual({ a: 1 });
  });

  it('waits for more edits, and close is that save', async () => {
    const { document, text } = await opened(undefined, { debounce: 60_000 });
    const saves = countSaves();
    document.edit(raise);
    const first = document.save();
    document.edit(raise);
    const second = document.save();
    expect(text()).toBe('{ "a": 0 }\n');
    await document.close();
    expect(await Promise.all([first, second])).toEqual([{ a: 2 }, { a: 2 }]);
    expect(text()).toBe('{ "a": 2 }\n');
    expect(saves()).toBe(1);
  });
});

describe('an outsider, who takes no lock,', () => {
  const between = (name: string, act: () => void) => {
    steps.reached = (reached) => {
      if (reached !== name) return;
      steps.reached = undefined;
      act();
    };
    onTestFinished(() => {
      steps.reached = undefined;
    });
  };

  it.each(['before-fresh', 'fresh', 'checked'])(
    'who replaces the file at the step %s loses nothing [D35]',
    async (step) => {
      const { document, path, text, directory } = await opened('{ "a": 0, "b": 0 }');
      between(step, () => {
        rmSync(path);
        writeFileSync(path, '{ "a": 5, "b": 1 }');
      });
      expect(await document.update(raise)).toEqual({ a: 6, b: 1 });
      expect(text()).toBe('{ "a": 6, "b": 1 }');
      expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    },
  );

  it('who writes in place at the last instant, in the same tick and with the same size, loses nothing [D19, D35]', async () => {
    const { document, path, text } = await opened('{ "a": 0, "b": 0 }');
    const seconds = 4_000_000_000; // to the nanosecond the same, and never so long ago that it proves anything
    utimesSync(path, seconds, seconds);
    between('checked', () => {
      writeFileSync(path, '{ "a": 0, "b": 1 }');
      utimesSync(path, seconds, seconds);
    });
    await document.update(raise);
    expect(text()).toBe('{ "a": 1, "b": 1 }');
  });

  it('who leaves no JSON at the last instant finds it as it was left, and the update is refused [D7, D35]', async () => {
    const { document, path, text, directory } = await opened();
    between('checked', () => writeFileSync(path, '{ "a": '));
    await expect(document.update(raise)).rejects.toMatchObject({ code: 'HOLDFAST_DAMAGED', line: 1 });
    expect(text()).toBe('{ "a": ');
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    writeFileSync(path, '{ "a": 4 }');
    expect(await document.update(raise)).toEqual({ a: 5 });
  });

  it('who deletes the file has it stay deleted, and the update is refused', async () => {
    const { document, path } = await opened();
    between('checked', () => rmSync(path));
    await expect(document.update(raise)).rejects.toMatchObject({ code: 'HOLDFAST_MISSING' });
    expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('is told apart from own saves, and a touch is no change [R20, R21, D17, D18]', async () => {
    const { document, path } = await opened();
    const told: unknown[] = [];
    document.on('external', ({ value }) => told.push(value.a));
    for (let round = 0; round < 50; round++) {
      await document.update(raise);
      if (round % 2 === 0) utimesSync(path, round, round);
    }
    writeFileSync(path, '{ "a": 100 }');
    await until(() => told.length > 0, 'the change is told');
    await document.update(raise);
    expect(told).toEqual([100]);
    expect(document.read().a).toBe(101);
  });
});

describe('a lock that is not free in time', () => {
  it('is an error with its holder that offers to retry, to wait, or to cancel, and is logged [R41, R42, R43, R44]', async () => {
    const directory = memoryDirectory();
    const log = join(directory, 'audit.jsonl');
    const locks = new LockManager({ audit: { path: log } });
    onTestFinished(() => locks.close());
    const { document, path } = await opened(undefined, { timeout: 20, locks });
    const lock = await new LockManager().acquire({ file: path }, { purpose: 'a long edit' });
    const failed = async () => {
      const error: unknown = await document.update(raise).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(TimeoutError);
      return error as DocumentTimeoutError;
    };
    const [first, second, third] = [await failed(), await failed(), await failed()];
    expect(first.holder?.purpose).toBe('a long edit');
    expect(first.message).toContain('retry()');
    await expect(first.retry()).rejects.toBeInstanceOf(TimeoutError);
    third.cancel();
    const later = second.later();
    await lock.release();
    expect(await later).toEqual({ a: 1 });
    const events = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).event);
    expect(events.filter((event) => event === 'document:timed-out')).toHaveLength(4);
  });
});
