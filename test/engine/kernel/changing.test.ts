import { writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { requestFor } from '../harness.ts';
import { intercept } from '../portable/intercept.ts';
import { deadProcess } from '../portable/stale.ts';
import { acquire, newPath } from './counters.ts';

/** Does something at the first look into the kernel's list of locks, and has another list be seen if it returns one. */
function atTheList(act: (read: () => string) => string): void {
  let isFirst = true;
  intercept('readFileSync', (original) => {
    const call = original as (...parameters: unknown[]) => unknown;
    const wrapped = (...parameters: unknown[]) => {
      const read = () => call(...parameters) as string;
      if (parameters[0] !== '/proc/locks' || !isFirst) return read();
      isFirst = false;
      return act(read);
    };
    return wrapped as typeof original;
  });
}

it('a lock that is released while somebody looks is not told as held by another program [G12, R82]', () => {
  const path = newPath();
  const holder = acquire(path);
  atTheList((read) => {
    const list = read();
    holder.release();
    return list;
  });

  expect(kernelEngine.inspect(path)).toMatchObject({ state: 'free', holders: [] });
});

it('nor as inherited from a process that ends right after its release [G12, A12]', () => {
  const path = newPath();
  const holder = acquire(path);
  atTheList((read) => {
    const list = read().replaceAll(` ${process.pid} `, ` ${deadProcess().pid} `);
    holder.release();
    return list;
  });

  expect(kernelEngine.inspect(path)).toMatchObject({ state: 'free', holders: [] });
});

it('nor is one that is shared at that moment [G12, R82]', () => {
  const path = newPath();
  writeFileSync(path, '');
  atTheList((read) => {
    const holder = kernelEngine.tryAcquire({ ...requestFor(path), mode: 'shared' });
    onTestFinished(() => holder?.release());
    return read();
  });

  const { state, holders } = kernelEngine.inspect(path);

  expect(state).toBe('shared');
  expect(holders.map(({ pid, foreign }) => [pid, foreign])).toEqual([[process.pid, undefined]]);
});

it('a program that keeps a lock without a record is told as such after a few looks [C6, R82]', () => {
  const path = newPath();
  const holder = acquire(path);
  onTestFinished(() => holder.release());
  writeFileSync(path, '');

  const { state, holders } = kernelEngine.inspect(path);

  expect(state).toBe('exclusive');
  expect(holders.map(({ pid, foreign }) => [pid, foreign])).toEqual([[process.pid, true]]);
});
