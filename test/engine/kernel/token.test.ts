import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { BLOCK_BYTES, readState } from '../../../src/engine/kernel/block.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { Child, fixture } from '../../support/child.ts';
import { tempDirectory } from '../../support/temp.ts';
import { requestFor } from '../harness.ts';

const newPath = () => join(tempDirectory(), 'mirror.lock');

function acquire(path: string): Grant {
  const grant = kernelEngine.tryAcquire(requestFor(path));
  if (grant === undefined) throw new Error(`${path} is held`);
  onTestFinished(() => grant.release());
  return grant;
}

/** One exclusive grant; its token, if it has one. */
function tokenOf(path: string): number {
  const grant = acquire(path);
  const token = grant.token();
  grant.release();
  return token as number;
}

function countersOf(path: string): { token: number; bound: number } {
  const bytes = readFileSync(path);
  const { token, bound } = readState(bytes, bytes.length, '');
  return { token, bound };
}

/** Makes the file look as if it had been written during another boot. */
function forgeBoot(path: string, change: (text: string) => string = (text) => text): void {
  const text = readFileSync(path, 'latin1');
  const forged = text.replace(/\nboot \S+ */, (line) => `\nboot ${'0'.repeat(8)}`.padEnd(line.length));
  expect(forged).not.toBe(text);
  writeFileSync(path, change(forged), 'latin1');
}

const digits = (value: number) => String(value).padStart(16, '0');

it('has the bound on the disk before it shows a token, file and directory both [H16]', async () => {
  const path = newPath();
  const strace = ['-f', '-y', '-s', '120', '-e', 'trace=pwrite64,fsync,write'];
  const child = new Child('strace', [...strace, process.execPath, fixture('engine-token.mjs'), path]);
  const { stderr, code } = await child.exits();
  expect(code).toBe(0);

  const calls = stderr.split('\n').filter((line) => line.includes(dirname(path)) || /"token \d/.test(line));
  const shown = calls.findIndex((line) => /write\(1.*"token \d/.test(line));
  const token = Number(/"token (\d+)/.exec(calls[shown] ?? '')?.[1]);
  const bounded = calls.findIndex((line) => {
    const [, bound] = /pwrite64\(.*bound (\d+)/.exec(line) ?? [];
    return line.includes(path) && Number(bound) >= token;
  });
  const synced = calls.findIndex((line, at) => at > bounded && /fsync\(/.test(line) && line.includes(path));
  const listed = calls.findIndex((line) => /fsync\(/.test(line) && line.includes(`<${dirname(path)}>`));

  expect(token).toBeGreaterThan(0);
  expect({ bounded: bounded >= 0, synced: synced > bounded }).toEqual({ bounded: true, synced: true });
  expect(listed).toBeGreaterThan(bounded);
  expect(shown).toBeGreaterThan(Math.max(synced, listed));
});

it('syncs the disk once for many tokens, and not at all for a lock whose token nobody reads', async () => {
  const path = newPath();
  const strace = ['-f', '-y', '-e', 'trace=fsync,fdatasync'];
  const child = new Child('strace', [...strace, process.execPath, fixture('engine-token.mjs'), path, '50']);
  const { stderr, stdout } = await child.exits();

  expect(stdout.match(/token \d/g)).toHaveLength(50);
  const syncs = stderr.split('\n').filter((line) => line.includes(dirname(path)));
  expect(syncs).toHaveLength(2); // the file, and its directory

  acquire(newPath()).release();
  const untouched = newPath();
  acquire(untouched).release();
  expect(countersOf(untouched).bound).toBe(0);
});

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
