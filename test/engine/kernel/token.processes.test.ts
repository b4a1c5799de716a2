import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { Child, fixture } from '../../support/child.ts';
import { newPath } from './counters.ts';

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

/** What was synced in the directory of the lock, and the directory itself, as a trace shows it. */
function syncedIn(trace: string, lock: string): string[] {
  const synced = [...trace.matchAll(/sync\(\d+<([^>]*)>/g)].map(([, path = '']) => path);
  return synced.filter((path) => path.startsWith(dirname(lock)));
}

it('syncs the disk once for many tokens, and not at all for a lock whose token nobody reads', async () => {
  const path = newPath();
  const strace = ['-f', '-y', '-e', 'trace=fsync,fdatasync'];
  const child = new Child('strace', [...strace, process.execPath, fixture('engine-token.mjs'), path, '50']);
  const { stderr, stdout } = await child.exits();

  expect(stdout.match(/token \d/g)).toHaveLength(50);
  expect(syncedIn(stderr, path)).toEqual([path, dirname(path)]);

  const unread = newPath();
  const silent = [process.execPath, fixture('engine-token.mjs'), unread, '50', 'unread'];
  const quiet = await new Child('strace', [...strace, ...silent]).exits();
  expect(quiet).toMatchObject({ code: 0, stdout: 'token unread\n'.repeat(50) });
  expect(syncedIn(quiet.stderr, unread)).toEqual([]);
});
