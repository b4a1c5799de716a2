import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { intercept, systemError } from '../engine/portable/intercept.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

it.each(['', ', also where Node.js may not wait for a write under way'])(
  'the audit log begins a new line behind one that a writer which died did not write to its end%s [R70]',
  async (refused) => {
    const home = tempDirectory();
    if (refused !== '')
      intercept('fchownSync', () => () => {
        throw systemError('ERR_ACCESS_DENIED');
      });
    const path = join(home, 'audit.jsonl');
    writeFileSync(path, '{"at":"2026-');
    const manager = locksIn(home, { audit: { path } });
    await (await manager.acquire('mirror')).release();
    manager.close();

    const [torn, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(torn).toBe('{"at":"2026-');
    const events = lines.map((line) => (JSON.parse(line) as { readonly event: string }).event);
    expect(events).toEqual(['requested', 'granted', 'released']);
  },
);

it('the audit log waits for the line that another process is writing, and for the next one, and takes neither for torn [R70]', async () => {
  const home = tempDirectory();
  const path = join(home, 'audit.jsonl');
  writeFileSync(path, '{"of":');
  const rest = ['1}\n{"of":', '2}\n'];
  intercept('fchownSync', (fchownSync) => (fd, uid, gid) => {
    appendFileSync(path, rest.shift() ?? '');
    fchownSync(fd, uid, gid);
  });
  const manager = locksIn(home, { audit: { path } });
  await (await manager.acquire('mirror')).release();
  manager.close();

  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  expect(lines.slice(0, 2)).toEqual(['{"of":1}', '{"of":2}']);
  const events = lines.slice(2).map((line) => (JSON.parse(line) as { readonly event: string }).event);
  expect(events).toEqual(['requested', 'granted', 'released']);
});
