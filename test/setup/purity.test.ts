import { ChildProcess, execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { tempDirectory } from '../support/temp.ts';
import { sortTests } from './purity.ts';

/** A project with these files in its `test/`. */
function projectWith(files: Readonly<Record<string, string>>): string {
  const root = tempDirectory();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, 'test', name, '..'), { recursive: true });
    writeFileSync(join(root, 'test', name), text);
  }
  return root;
}

it('takes a test file for pure when nothing it imports can start a process, names the built package or loads modules anew', () => {
  const root = projectWith({
    'pure.test.ts': "import { plain } from './support/plain.ts';",
    'typed.test.ts':
      "import type { Child } from './support/child.ts';\nimport type cp from 'node:child_process';",
    'circle.test.ts': "import { there } from './support/there.ts';",
    'ring.test.ts': "import { one } from './support/one.ts';\nimport { two } from './support/two.ts';",
    'absent.test.ts': "import x from './nowhere.ts';",
    'direct.test.ts': "const { spawn } = await import('node:child_process');",
    'deep/indirect.test.ts': "import {\n  type Options,\n  between,\n} from '../support/between.ts';",
    'thread.test.ts': "import { Worker } from 'node:worker_threads';",
    'anew.test.ts': "vi.resetModules();\nconst copy = await import('holdfast');",
    'built.test.ts': "new URL('../dist/index.js', import.meta.url);",
    'support/plain.ts': 'export const plain = 1;',
    'support/child.ts': "import { spawn } from 'node:child_process';\nexport class Child {}",
    'support/between.ts': "export { Child as between } from './child.ts';",
    'support/one.ts': "import { two } from './two.ts';\nexport { Child as one } from './child.ts';",
    'support/two.ts': "import { one } from './one.ts';\nexport const two = 1;",
    'support/here.ts': "import { there } from './there.ts';\nexport const here = 1;",
    'support/there.ts': "import { here } from './here.ts';\nexport const there = 1;",
  });

  const { pure, others } = sortTests(root);
  const named = (files: string[]) => files.map((file) => file.slice('test/'.length)).sort();

  expect(named(pure)).toEqual(['absent.test.ts', 'circle.test.ts', 'pure.test.ts', 'typed.test.ts']);
  expect(named(others)).toEqual([
    'anew.test.ts',
    'built.test.ts',
    'deep/indirect.test.ts',
    'direct.test.ts',
    'ring.test.ts',
    'thread.test.ts',
  ]);
});

it('refuses a process and a thread in a pure test, whoever starts them', async () => {
  await import('./no-processes.ts');
  expect(() => execFileSync('true')).toThrow('A pure test starts no process');
  expect(() => new ChildProcess()).toThrow('A pure test starts no process');
  expect(() => new Worker('0', { eval: true })).toThrow('A pure test starts no process');
});
