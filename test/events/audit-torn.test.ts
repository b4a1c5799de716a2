import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

it('the audit log begins a new line behind one that a writer which died did not write to its end [R70]', async () => {
  const home = tempDirectory();
  const path = join(home, 'audit.jsonl');
  writeFileSync(path, '{"at":"2026-');
  const manager = locksIn(home, { audit: { path } });
  await (await manager.acquire('mirror')).release();
  manager.close();

  const [torn, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  expect(torn).toBe('{"at":"2026-');
  const events = lines.map((line) => (JSON.parse(line) as { readonly event: string }).event);
  expect(events).toEqual(['requested', 'granted', 'released']);
});
