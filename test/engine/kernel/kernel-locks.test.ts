import { closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { BLOCK_BYTES, formatBlock, writeCounters, writeSince } from '../../../src/engine/kernel/block.ts';
import { Entry } from '../../../src/engine/kernel/entry.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { kernelLocks } from '../../../src/engine/kernel/kernel-locks.ts';
import { syscalls } from '../../../src/engine/kernel/syscalls/index.ts';
import { self } from '../../../src/identity/self.ts';
import { Child } from '../../support/child.ts';
import { tempDirectory } from '../../support/temp.ts';
import { until, untilStopped } from '../../support/until.ts';
import { failWhere } from '../portable/intercept.ts';
import { deadProcess } from '../portable/stale.ts';

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

type Seen = readonly { readonly pid: number; readonly mode: string }[];

/** While other programs lock, the kernel's list can be read wrongly now and then, but not time and again. */
function expectSeen(look: () => Seen, expected: Seen): Promise<void> {
  const what = `the kernel's list shows ${JSON.stringify(expected)}`;
  return until(() => isDeepStrictEqual(look(), expected), what);
}

const on = (path: string) => () => kernelLocks(statSync(path, { bigint: true }));

it('sees nothing on a file that nobody locks', async () => {
  await expectSeen(on(newFile()), []);
});

it('sees an exclusive lock of this process, and nothing on the file beside it', async () => {
  const [path, other] = [newFile(), newFile()];
  flocked(path, 'exclusive');

  await expectSeen(on(path), [{ pid: process.pid, mode: 'exclusive' }]);
  await expectSeen(on(other), []);
});

it('sees every shared lock, one by one', async () => {
  const path = newFile();
  flocked(path, 'shared');
  flocked(path, 'shared');

  const shared = { pid: process.pid, mode: 'shared' };
  await expectSeen(on(path), [shared, shared]);
});

it('sees the lock of flock(1), which writes no record [C6]', async () => {
  const path = newFile();
  const child = new Child('flock', ['--exclusive', path, 'sh', '-c', 'echo locked; read line']);
  await child.line('locked');

  await expectSeen(on(path), [{ pid: child.pid, mode: 'exclusive' }]);

  await child.finish();
  await expectSeen(on(path), []);
});

it('does not take a waiter for a holder, nor another kind of lock for a flock', async () => {
  const path = newFile();
  flocked(path, 'exclusive');
  const waiter = new Child('flock', ['--exclusive', path, 'true']);
  const posix = `import fcntl; f = open(${JSON.stringify(path)}, 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); print('locked', flush=True); input()`;
  const other = new Child('python3', ['-c', posix]);
  await other.line('locked');
  await waiting(waiter.pid);

  await expectSeen(on(path), [{ pid: process.pid, mode: 'exclusive' }]);
});

it('tells files apart by device and inode, both', async () => {
  const path = newFile();
  flocked(path, 'exclusive');
  const stats = statSync(path, { bigint: true });
  const { dev, ino } = stats;
  const elsewhere = 1n << 40n;
  const at = (place: { dev: bigint; ino: bigint }) => () => kernelLocks(Object.assign(stats, place));

  await expectSeen(at({ dev: dev + elsewhere, ino }), []);
  await expectSeen(at({ dev, ino: ino + elsewhere }), []);
  await expectSeen(at({ dev, ino }), [{ pid: process.pid, mode: 'exclusive' }]);
});

/** The kernel lists the process as blocked on a lock. */
function waiting(pid: number): Promise<void> {
  const blocked = new RegExp(`-> FLOCK .* ${pid} `);
  return until(() => blocked.test(readFileSync('/proc/locks', 'latin1')), `process ${pid} waits for a lock`);
}

it('a holder of another pid namespace is not called stopped because a process of this one, under its id, is [H3, R11]', async () => {
  const path = newFile();
  flocked(path, 'shared');
  const stopped = new Child('cat');
  stopped.signal('SIGSTOP');
  await untilStopped(stopped.pid);
  const place = { path, resource: 'mirror', beside: undefined, access: 'owner' } as const;
  const [here, elsewhere] = [
    { ...self(), pid: stopped.pid },
    { ...self(), pid: stopped.pid, pidNamespace: '1' },
  ];
  const marks = [here, elsewhere].map((holder) => Entry.leave(place, 'held', holder));
  onTestFinished(() => {
    for (const mark of marks) mark?.remove();
  });

  const { holders } = kernelEngine.inspect(path);

  const told = holders.filter(({ pid }) => pid === stopped.pid);
  expect(told.map(({ pidNamespace, stopped }) => [pidNamespace, stopped])).toEqual([
    [self().pidNamespace, true],
    ['1', undefined],
  ]);
});

it('a holder that died is not told beside the program that has the lock by now, without a record [G12, R82]', () => {
  const path = newFile();
  const block = Buffer.alloc(BLOCK_BYTES);
  formatBlock(block, 'mirror', self().boot, deadProcess());
  writeCounters(block, 5, 5);
  writeSince(block, Date.now());
  writeFileSync(path, block);
  flocked(path, 'exclusive');

  const { holders } = kernelEngine.inspect(path);

  expect(holders.map(({ pid, foreign }) => [pid, foreign])).toEqual([[process.pid, true]]);
});

it('calls no lock free while descriptors are used up [H23]', () => {
  const path = newFile();
  flocked(path, 'shared');
  failWhere('readFileSync', 'EMFILE', (path) => path === '/proc/locks');

  expect(() => kernelEngine.inspect(path)).toThrow(expect.objectContaining({ code: 'HOLDFAST_EXHAUSTED' }));
});
