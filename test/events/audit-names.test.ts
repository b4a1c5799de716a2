import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { LogReader } from '../../src/cli/log/reader.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

/** Times by which no log names a file: of no calendar, or further ahead than any clock. */
const IMPOSSIBLE: Record<string, string> = {
  'in a month that is none': '2026-99-99T999999999Z',
  'on a day that is none': '2026-02-30T000000000Z',
  'in an hour that is none': '2026-01-01T240000000Z',
  'at the last moment that a name can tell': '9999-12-31T235959999Z',
};

it.each(Object.keys(IMPOSSIBLE))(
  'the audit log is put aside beside a foreign file that is named as one of its own, %s [R70, X20]',
  async (what) => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    onTestFinished(() => warnings.mockRestore());
    const home = tempDirectory();
    const path = join(home, 'audit.jsonl');
    const foreign = `audit.jsonl.${IMPOSSIBLE[what]}-1`;
    writeFileSync(join(home, foreign), 'of somebody else\n');
    const manager = locksIn(home, { audit: { path, maxBytes: 1024, keep: 1 } });

    for (let round = 0; round < 20; round++) await (await manager.acquire('mirror')).release();
    manager.close();

    expect(warnings.mock.calls).toEqual([]);
    const aside = readdirSync(home).filter((name) => name.startsWith('audit.jsonl.') && name !== foreign);
    expect(aside).toEqual([expect.stringMatching(/^audit\.jsonl\.\d{4}-\d\d-\d\dT\d{9}Z-\d+$/)]);
    expect(readFileSync(join(home, foreign), 'utf8')).toBe('of somebody else\n');
    const reader = new LogReader(path);
    onTestFinished(() => reader.close());
    expect(reader.last(100)).not.toContain('of somebody else');
  },
);
