// Compiles src/ to dist/. Programs may be running from dist/ meanwhile (the first `npx holdfast` builds too),
// so files are compiled aside and renamed into place one by one: none is ever missing or half-written.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

// Beside dist/, so that the relative paths in source maps are right after the move.
const staging = `dist.${process.pid}`;
process.on('exit', () => rmSync(staging, { recursive: true, force: true }));

const compiler = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
const compile = [compiler, '-p', 'tsconfig.build.json', '--outDir', staging];
const { status } = spawnSync(process.execPath, compile, { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

const command = join(staging, 'cli/main.js');
if (existsSync(command)) chmodSync(command, 0o755);

const built = filesIn(staging);
for (const file of built) {
  mkdirSync(dirname(join('dist', file)), { recursive: true });
  renameSync(join(staging, file), join('dist', file));
}
for (const file of filesIn('dist')) {
  if (!built.includes(file)) rmSync(join('dist', file), { force: true });
}

/** @param {string} folder */
function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
