import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { fixture } from './support/child.ts';
import { tempDirectory } from './support/temp.ts';
import { tool } from './support/tool.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const PROGRAM = `import { LockManager } from 'holdfast';
process.on('warning', ({ code }) => console.log(code));
new LockManager().with('mirror', (lock) => console.log(lock.contract));
`;

/**
 * A project with Holdfast and all its packages, koffi too, as npm installs them: copies, since bundlers tell in comments
 * how a linked one is reached from the project.
 */
function project(): string {
  const cwd = tempDirectory();
  const packages = join(cwd, 'node_modules');
  for (const part of ['dist', 'package.json']) {
    cpSync(join(root, part), join(packages, 'holdfast', part), { recursive: true });
  }
  for (const name of ['commander', 'fdir', 'koffi', '@koromix', 'picomatch', 'tinyglobby', 'yaml']) {
    cpSync(join(root, 'node_modules', name), join(packages, name), { recursive: true });
  }
  writeFileSync(join(cwd, 'main.mjs'), PROGRAM);
  return cwd;
}

/** What the program prints, in the order of the alphabet, started from a directory that has nothing to do with it. */
function run(file: string): string {
  const env = { HOLDFAST_HOME: tempDirectory() };
  const said = tool(process.execPath, ['--no-warnings', file], { cwd: tempDirectory(), env });
  return said.trim().split('\n').sort().join(' ');
}

it.each([
  ['esbuild esm', 'mjs'],
  ['esbuild cjs', 'cjs'],
  ['rolldown cjs', 'cjs'],
  ['webpack', 'cjs'],
  ['ncc', 'mjs'],
])(
  'a bundle by %s finds the binding that is installed beside it, warns where there is none, and carries no path of where it was built [X51]',
  (bundler, extension) => {
    const cwd = project();
    const file = join(tempDirectory(), 'out', `main.${extension}`);
    tool(process.execPath, [fixture('bundle.mjs'), bundler, join(cwd, 'main.mjs'), file], { cwd });

    const text = readFileSync(file, 'utf8');
    for (const path of [cwd, root.slice(0, -1)]) expect(text.includes(`${path}/`), path).toBe(false);
    expect(run(file)).toBe('HOLDFAST_BINDING claim');
    symlinkSync(join(root, 'node_modules'), join(dirname(file), 'node_modules'), 'dir');
    expect(run(file)).toBe('kernel');
  },
);
