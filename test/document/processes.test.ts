import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Child, fixture } from '../support/child.ts';
import { memoryDirectory } from '../support/temp.ts';

it('no update of several processes is lost', async () => {
  const directory = memoryDirectory();
  const path = join(directory, 'roles.json');
  writeFileSync(path, '{ "a": 0 }');
  const start = () => new Child(process.execPath, [fixture('document-counter.mjs'), path, '25'], {});
  const endings = await Promise.all([start(), start(), start()].map((child) => child.exits()));
  expect(endings.map(({ code, stderr }) => [code, stderr])).toEqual([
    [0, ''],
    [0, ''],
    [0, ''],
  ]);
  expect(readFileSync(path, 'utf8')).toBe('{ "a": 75 }');
  expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});
