import { closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { kernelLocks } from '../../../src/engine/kernel/kernel-locks.ts';
import { syscalls } from '../../../src/engine/kernel/syscalls/index.ts';
import { Child } from '../../support/child.ts';
import { tempDirectory } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

function newFile(): string {
  const path = join(tempDirectory(), 'file');
  writeFileSync(path, '');
  return path;
}

function flocked(path: string, mode: 'exclusive' | 'shared'): void {
  const fd = openSync(path, 'r+');
  onTestFinished(() => closeSync(fd));
  expect(syscalls().lock(fd, mode)).toBe(0);
}

const seen = (path: string) => kernelLocks(statSync(path, { bigint: true }));

it('sees nothing on a file that nobody locks', () => {
  expect(seen(newFile())).toEqual([]);
});

it('sees an exclusive lock of this process, and nothing on the file beside it [G12]', () => {
  const [path, other] = [newFile(), newFile()];
  flocked(path, 'exclusive');

  expect(seen(path)).toEqual([{ pid: process.pid, mode: 'exclusive' }]);
  expect(seen(other)).toEqual([]);
});

it('sees every shared lock, one by one [G12]', () => {
  const path = newFile();
  flocked(path, 'shared');
  flocked(path, 'shared');

  const shared = { pid: process.pid, mode: 'shared' };
  expect(seen(path)).toEqual([shared, shared]);
});

it('sees the lock of flock(1), which writes no record [C6, G12]', async () => {
  const path = newFile();
  const child = new Child('flock', ['--exclusive', path, 'sh', '-c', 'echo locked; read line']);
  await child.line('locked');

  expect(seen(path)).toEqual([{ pid: child.pid, mode: 'exclusive' }]);

  await child.finish();
  expect(seen(path)).toEqual([]);
});

it('does not take a waiter for a holder, nor another kind of lock for a flock [C6]', async () => {
  const path = newFile();
  flocked(path, 'exclusive');
  const waiter = new Child('flock', ['--exclusive', path, 'true']);
  const posix = `import fcntl; f = open(${JSON.stringify(path)}, 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); print('locked', flush=True); input()`;
  const other = new Child('python3', ['-c', posix]);
  await other.line('locked');
  await waiting(waiter.pid);

  expect(seen(path)).toEqual([{ pid: process.pid, mode: 'exclusive' }]);
});

it('tells files apart by device and inode, both', () => {
  const path = newFile();
  flocked(path, 'exclusive');
  const stats = statSync(path, { bigint: true });
  const { dev, ino } = stats;

  expect(kernelLocks(Object.assign(stats, { dev: dev + 1n, ino }))).toEqual([]);
  expect(kernelLocks(Object.assign(stats, { dev, ino: ino + 1n }))).toEqual([]);
  expect(kernelLocks(Object.assign(stats, { dev, ino }))).toHaveLength(1);
});

/** The kernel lists the process as blocked on a lock. */
function waiting(pid: number): Promise<void> {
  const blocked = new RegExp(`-> FLOCK .* ${pid} `);
  return until(() => blocked.test(readFileSync('/proc/locks', 'latin1')), `process ${pid} waits for a lock`);
}
