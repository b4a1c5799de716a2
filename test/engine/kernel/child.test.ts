import { writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { queueDirectory } from '../../../src/engine/kernel/entry.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { requestFor, upgrading } from '../harness.ts';
import { acquire, newPath } from './counters.ts';

const CHILD = { pid: 4711 };

it('a child that was recorded stays in the record, whatever else is written there for the same grant [X20, G12]', async () => {
  const path = newPath();
  const grant = acquire(path);
  const holders = () => kernelEngine.inspect(path).holders;
  grant.recordChild(CHILD);
  expect(holders()).toMatchObject([{ pid: process.pid, child: CHILD }]);

  grant.token();
  expect(holders()).toMatchObject([{ pid: process.pid, child: CHILD }]);
  grant.downgrade();
  expect(holders()).toMatchObject([{ pid: process.pid, child: CHILD }]);
  expect(await upgrading(grant).ended()).toBe('converted');
  expect(holders()).toMatchObject([{ pid: process.pid, child: CHILD }]);
});

it('the child of a holder that asked not to be named is not told either [R68]', () => {
  const request = { ...requestFor(newPath()), anonymous: true };
  const grant = kernelEngine.tryAcquire(request);
  onTestFinished(() => grant?.release());
  const shown = () => Object.keys(kernelEngine.inspect(request.path).holders[0] ?? {});
  const before = shown();

  grant?.recordChild(CHILD);

  expect(shown()).toEqual(before);
  grant?.downgrade();
  expect(shown()).not.toContain('child');
});

it('the child of one who shares a lock and could leave no mark is not put into the lock file, as a holder’s that died [G12]', () => {
  const path = newPath();
  acquire(path).release();
  writeFileSync(queueDirectory(path), 'in the way');
  const reader = kernelEngine.tryAcquire(requestFor(path, 'shared'));
  onTestFinished(() => reader?.release());
  expect(reader?.degraded).toMatchObject([{ reason: 'record-not-written' }]);

  reader?.recordChild(CHILD);
  reader?.release();

  expect(acquire(path).recovered).toBe(undefined);
});
