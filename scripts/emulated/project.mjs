// Prepares what emulated platforms run: their Node.js and binding from npm, pinned and checked by the lock file, and
// this project as plain JavaScript, because an emulated Node.js 20 reads no TypeScript and has no compiler.
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const manifests = join(root, 'scripts/emulated');
const cache = join(root, '.cache/emulated');

/** The project, compiled. */
export const project = join(cache, 'project');
export const packages = join(cache, 'node_modules');

/** @param {string} file */
const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

export function prepare() {
  installPackages();
  compile();
}

function installPackages() {
  const lock = 'package-lock.json';
  if (existsSync(packages) && read(join(manifests, lock)) === read(join(cache, lock))) return;
  mkdirSync(cache, { recursive: true });
  for (const file of ['package.json', lock]) copyFileSync(join(manifests, file), join(cache, file));
  // --force: for another platform than this one.
  run('npm', ['ci', '--ignore-scripts', '--force', '--loglevel=error'], cache);
}

function compile() {
  rmSync(project, { recursive: true, force: true });
  const compiler = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
  run(process.execPath, [compiler, '-p', join(manifests, 'tsconfig.json')], root);
  for (const name of ['dist', 'package.json']) {
    cpSync(join(root, name), join(project, name), { recursive: true });
  }
  for (const name of ['run-tests.mjs', 'windows.mjs']) {
    copyFileSync(join(manifests, name), join(project, name));
  }
  cpSync(join(manifests, 'vitest'), join(project, 'node_modules/vitest'), { recursive: true });
}

/** @param {string} command @param {readonly string[]} args @param {string} cwd */
function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}.`);
}
