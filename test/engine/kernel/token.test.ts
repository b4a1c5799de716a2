import fs, { copyFileSync, readFileSync, readlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { BLOCK_BYTES } from '../../../src/engine/kernel/block.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { tempDirectory } from '../../support/temp.ts';
import { requestFor } from '../harness.ts';
import { acquire, countersOf, newPath } from './counters.ts';

/** One exclusive grant; its token, if it has one. */
function tokenOf(path: string): number {
  const grant = acquire(path);
  const token = grant.token();
  grant.release();
  return token as number;
}

/** Makes the file look as if it had been written during another boot. */
function forgeBoot(path: string, change: (text: string) => string = (text) => text): void {
  const text = readFileSync(path, 'latin1');
  const forged = text.replace(/\nboot \S+ */, (line) => `\nboot ${'0'.repeat(8)}`.padEnd(line.length));
  expect(forged).not.toBe(text);
  writeFileSync(path, change(forged), 'latin1');
}

const digits = (value: number) => String(value).padStart(16, '0');

it('goes on above the bound after another boot, wherever the counting had got to', () => {
  const path = newPath();
  tokenOf(path);
  const { bound } = countersOf(path);
  // The disk kept the synced block; the tokens that followed, up to the bound, were lost with the power.
  forgeBoot(path);

  expect(tokenOf(path)).toBeGreaterThan(bound);
});

it('goes on above the token too when the token had passed the bound unseen', () => {
  const path = newPath();
  tokenOf(path);
  const { token, bound } = countersOf(path);
  const later = bound + 5;
  forgeBoot(path, (text) => text.replaceAll(digits(token), digits(later)));
  expect(countersOf(path)).toEqual({ token: later, bound });

  expect(tokenOf(path)).toBeGreaterThan(later);
});

it('does not trust the bound of another boot for the tokens of this one', () => {
  const path = newPath();
  tokenOf(path);
  forgeBoot(path);
  const token = tokenOf(path);

  expect(countersOf(path).bound).toBeGreaterThanOrEqual(token);
  expect(tokenOf(path)).toBe(token + 1);
});

/** The files that are synced from now on, in order, each with the bound that the lock file tells at that moment. */
function syncsOf(path: string): string[] {
  const { fsyncSync } = fs;
  const synced: string[] = [];
  const noting = (fd: number) => {
    synced.push(`${readlinkSync(`/proc/self/fd/${fd}`)} ${countersOf(path).bound}`);
    fsyncSync(fd);
  };
  Object.assign(fs, { fsyncSync: noting });
  syncBuiltinESMExports();
  onTestFinished(() => {
    Object.assign(fs, { fsyncSync });
    syncBuiltinESMExports();
  });
  return synced;
}

it('syncs a bound at or above the token, and the directory of the file, before it shows it [X56, H16]', () => {
  const path = newPath();
  const grant = acquire(path);
  const synced = syncsOf(path);

  const token = grant.token() as number;

  const { bound } = countersOf(path);
  expect(bound).toBeGreaterThanOrEqual(token);
  expect(synced).toEqual([`${path} ${bound}`, `${dirname(path)} ${bound}`]);
});

it('does not trust a bound that a holder wrote which died, maybe before the disk had it [X56, H16]', () => {
  const [path, left] = [newPath(), newPath()];
  acquire(path).token();
  copyFileSync(path, left); // as a holder leaves it that is killed
  const grant = acquire(left);
  const synced = syncsOf(left);

  grant.token();

  expect(synced).toEqual([`${left} ${countersOf(left).bound}`, `${dirname(left)} ${countersOf(left).bound}`]);
});

it('has a new bound before it shows a token that passes the one there was [X56, H16]', () => {
  const path = newPath();
  const token = tokenOf(path);
  const text = readFileSync(path, 'latin1');
  writeFileSync(path, text.replace(digits(countersOf(path).bound), digits(token + 1)), 'latin1');
  const synced = syncsOf(path);

  expect(tokenOf(path)).toBe(token + 1);
  expect(synced).toEqual([]);
  expect(tokenOf(path)).toBe(token + 2);
  expect(countersOf(path).bound).toBeGreaterThanOrEqual(token + 2);
  expect(synced).toHaveLength(2);
});

it('lets tokens rise although the lock file was deleted in between, within one millisecond too', () => {
  const path = newPath();
  const clock = vi.spyOn(Date, 'now').mockReturnValue(1_795_000_000_000);
  onTestFinished(() => clock.mockRestore());
  const tokens: number[] = [];
  for (let turn = 0; turn < 5; turn++) {
    tokens.push(tokenOf(path), tokenOf(path));
    unlinkSync(path);
  }

  expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
});

it('lets tokens rise although the block was torn in between, and says so [H15]', () => {
  const path = newPath();
  const before = tokenOf(path);
  writeFileSync(path, readFileSync(path).subarray(0, BLOCK_BYTES - 1));

  const grant = acquire(path);

  expect(grant.degraded.map(({ reason }) => reason)).toEqual(['record-damaged']);
  expect(grant.token()).toBeGreaterThan(before);
  grant.release();
  expect(acquire(path).degraded).toEqual([]);
});

it('gives no token where the file is somebody else’s, and leaves that content alone [H15, R66]', () => {
  const path = newPath();
  writeFileSync(path, '{"roles":[]}');

  const grant = acquire(path);

  expect(grant.token()).toBe(undefined);
  expect(grant.degraded.map(({ reason }) => reason)).toEqual(['foreign-content']);
  expect(kernelEngine.tryAcquire(requestFor(path))).toBe(undefined);
  grant.release();
  expect(readFileSync(path, 'utf8')).toBe('{"roles":[]}');
});

it('writes nothing for a token that is first asked for after the release', () => {
  const path = newPath();
  const grant = acquire(path);
  grant.release();
  const [before, other] = [readFileSync(path, 'latin1'), join(tempDirectory(), 'data')];
  writeFileSync(other, 'precious');
  const successor = acquire(path); // gets the same descriptor number
  const held = readFileSync(path, 'latin1');

  expect(grant.token()).toBe(undefined);
  grant.recordChild({ pid: 1 });
  grant.release();

  expect(readFileSync(path, 'latin1')).toBe(held);
  expect(held).not.toBe(before);
  expect(successor.isIntact()).toBe(true);
  expect(grant.isIntact()).toBe(false);
  expect(grant.descriptor).toBe(undefined);
});

it('still shows after the release a token that it showed before', () => {
  const grant = acquire(newPath());
  const token = grant.token();
  grant.release();

  expect(grant.token()).toBe(token);
});
