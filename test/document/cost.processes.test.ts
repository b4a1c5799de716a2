import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Call, callsOf } from '../support/calls.ts';
import { tempDirectory } from '../support/temp.ts';

const TIMES = 20;
const MEGABYTE = 1_000_000;

function document(text = '{ "a": 0 }\n') {
  const path = join(tempDirectory(), 'roles.json');
  writeFileSync(path, text);
  return path;
}

const called = (calls: readonly Call[], name: RegExp) => calls.filter((call) => name.test(call.name));

it('a read of a document that nobody has changed is one look at its identity, and opens nothing [R34, R73]', async () => {
  const path = document();
  const calls = await callsOf('read', path, TIMES);
  expect(calls.map((call) => call.path)).toEqual(Array.from({ length: TIMES }, () => path));
  expect(called(calls, /open|read/)).toEqual([]);
});

it('an update of a document syncs its new text and its directory, once each, and nothing else [R72, D5]', async () => {
  const path = document();
  const calls = await callsOf('update', path, TIMES);
  const synced = called(calls, /sync/).map((call) =>
    basename(call.path).replace(/^\.holdfast-.*/, 'the text'),
  );
  expect(synced).toEqual(Array.from({ length: TIMES }, () => ['the text', basename(dirname(path))]).flat());
});

describe('of a document of a megabyte', () => {
  const record = (id: number) => ({ id: 1e8 + id, name: `role ${id}`, permissions: ['read', 'write'] });
  const roles = Array.from({ length: 15_500 }, (_, id) => record(id));
  const text = JSON.stringify({ a: 0, roles });

  /** Bytes that were read from, or written to, files of each kind. */
  function bytesOf(calls: readonly Call[], name: RegExp): Record<string, number> {
    const bytes: Record<string, number> = {};
    for (const { path, result } of called(calls, name)) {
      const [match, kind = 'document'] = /\/roles\.json(?:\.[^/]*\.(corrupt|bak))?$/.exec(path) ?? [];
      if (match !== undefined) bytes[kind] = (bytes[kind] ?? 0) + Math.max(0, result);
    }
    return bytes;
  }

  it('a backup is one write of its text, which is read back [B4, B8]', async () => {
    expect(text.length).toBeGreaterThan(MEGABYTE);
    const calls = await callsOf('backup', document(text), 1);
    expect(bytesOf(calls, /write/)).toMatchObject({ bak: text.length });
    expect(bytesOf(calls, /read/)).toMatchObject({ bak: text.length });
  });

  it('a recovery reads the damaged text and the newest whole backup, once each, and writes each once [B5, B8]', async () => {
    const path = document(text.slice(0, MEGABYTE / 2));
    const backups = ['20261129', '20261130'].map((day) => `${path}.${day}T000000.000Z.bak`);
    for (const backup of backups) writeFileSync(backup, text);
    const calls = await callsOf('restore', path, 1);
    expect(readFileSync(path, 'utf8')).toBe(text);
    expect(readdirSync(dirname(path)).filter((name) => name.endsWith('.corrupt'))).toHaveLength(1);
    const half = MEGABYTE / 2;
    expect(bytesOf(calls, /write/)).toEqual({ corrupt: half }); // that of the new text is beside this thread
    expect(bytesOf(calls, /read/)).toEqual({ document: half, corrupt: half, bak: text.length });
    expect(called(calls, /open/).map((call) => call.path)).not.toContain(backups[0]);
  });
});
