import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDirectory } from '../support/temp.ts';

export function dataFile(): { base: string; data: string; file: string } {
  const base = tempDirectory();
  const data = join(base, 'data');
  mkdirSync(data);
  const file = join(data, 'roles.json');
  writeFileSync(file, '{}');
  return { base, data, file };
}
