import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tool } from '../support/tool.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Child programs of the tests import the built package: builds it when it is older than the sources. */
export default function freshDist(): void {
  if (modified(join(root, 'dist/index.js')) < newest(join(root, 'src'))) {
    tool(process.execPath, [join(root, 'scripts/build.mjs'), '--quick'], { timeout: 0 });
  }
}

// Folders count too: their time changes when a file is removed.
function newest(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Math.max(modified(folder), ...names.map((name) => modified(join(folder, name))));
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
