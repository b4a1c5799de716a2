import { DeadlockError } from 'holdfast';
import { expect, it } from 'vitest';
import { gate } from '../support/deadline.ts';
import { newLocks } from '../support/place.ts';
import { staysOpen } from '../support/turns.ts';
import { until } from '../support/until.ts';

const FOR_EVER = { timeout: Number.POSITIVE_INFINITY };

/** The wait of another process for `a`, which holds `b`: of the thread that holds `a`, as far as that can be told. */
function circle() {
  const locks = newLocks();
  const { opened: bothWait, open: letGo } = gate();
  const { opened: held, open: hold } = gate();
  /** Holds b, and wants a. */
  const other = locks.with('b', async () => {
    hold();
    await bothWait;
    return locks.with('a', FOR_EVER, () => 'granted');
  });
  return { locks, other, held, letGo };
}

it('calls no deadlock what was started in the background inside a with, and says that it is detached [X17]', async () => {
  const { locks, other, held, letGo } = circle();
  await held;
  let background: Promise<unknown> = Promise.resolve();

  await locks.with('a', async () => {
    background = locks.with('b', { ...FOR_EVER, detached: true }, () => 'granted');
    letGo();
    await until(() => locks.query().pending.length === 2, 'both wait');
    expect(await staysOpen(Promise.race([background, other]))).toBe(true); // and both are examined meanwhile
  });

  expect(await Promise.all([background, other])).toEqual(['granted', 'granted']);
});

it('calls a true deadlock what is awaited there, in the background or not [X17]', async () => {
  const { locks, other, held, letGo } = circle();
  await held;

  const ended = locks.with('a', () => {
    const background = locks.with('b', FOR_EVER, () => 'granted');
    letGo();
    return background;
  });

  const [a, b] = await Promise.all([ended, other].map((each) => each.catch((error: unknown) => error)));
  expect([a, b].filter((end) => end instanceof DeadlockError)).toHaveLength(1);
  expect([a, b]).toContain('granted');
});

it('counts a lock as held for no longer than it is: the body of its with may be over before the wait is [X17]', async () => {
  const { locks, other, held, letGo } = circle();
  await held;
  let background: Promise<unknown> = Promise.resolve();

  await locks.with('a', async () => {
    background = locks.with('b', FOR_EVER, () => 'granted');
    await Promise.race([background, Promise.resolve()]);
  });
  const next = await locks.acquire('a');
  letGo();
  await until(() => locks.query().pending.length === 2, 'both wait');
  expect(await staysOpen(Promise.race([background, other]))).toBe(true);
  await next.release();

  expect(await Promise.all([background, other])).toEqual(['granted', 'granted']);
});

it('lets work that is detached take the lock around its start, once that is free [X17]', async () => {
  const locks = newLocks();
  const order: string[] = [];
  let background: Promise<unknown> = Promise.resolve();

  await locks.with('a', async () => {
    background = locks.with('a', { ...FOR_EVER, detached: true }, async () => {
      order.push('detached');
      await locks.with('b', () => order.push('nested'));
    });
    await until(() => locks.query().pending.length === 1, 'it waits');
    order.push('around');
  });
  await background;

  expect(order).toEqual(['around', 'detached', 'nested']);
});

it.each([
  [{ detached: 'yes' }, 'detached'],
  [{ detached: true, reentrant: true }, 'detached'],
])('refuses %o [X17]', async (options, name) => {
  await expect(newLocks().acquire('a', options as object)).rejects.toThrow(name);
});

it('names the writer behind which two readers wait for each other, whatever time that writer has left [X17]', async () => {
  const locks = newLocks();
  const shared = { ...FOR_EVER, mode: 'shared' } as const;
  const { opened: start, open } = gate();
  const reader = (holds: string, wants: string) =>
    locks.with(holds, shared, async () => {
      await start;
      return locks.with(wants, shared, () => 'granted');
    });
  const readers = [reader('a', 'b'), reader('b', 'a')];
  const writers = ['a', 'b'].map((name) =>
    locks.acquire(name, { timeout: 50_000, purpose: `rewrite ${name}` }).then((lock) => lock.release()),
  );
  open();

  const ends = await Promise.all(readers.map((each) => each.catch((error: unknown) => error)));
  await Promise.all(writers);

  const [lost] = ends.filter((end) => end instanceof DeadlockError);
  expect(ends).toContain('granted');
  expect(lost?.cycle.join()).toMatch(/behind "rewrite [ab]" \(pid \d+/);
});

it('calls readers that share with each other no deadlock, when no writer stands before them [X17]', async () => {
  const locks = newLocks();
  const shared = { ...FOR_EVER, mode: 'shared' } as const;
  const writer = await locks.acquire('c');
  const { opened: start, open } = gate();
  const reader = (holds: string, ...wants: string[]) =>
    locks.with(holds, shared, async () => {
      await start;
      for (const name of wants) await locks.with(name, shared, () => {});
      return 'granted';
    });
  const readers = [reader('a', 'b', 'c'), reader('b', 'a', 'c')];
  open();
  await until(() => locks.query().pending.length === 2, 'both wait for the writer alone');
  await writer.release();

  expect(await Promise.all(readers)).toEqual(['granted', 'granted']);
});
