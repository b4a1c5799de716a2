// Runs the tests of locks under Bun: `npm run test:bun`. Bun has 100 MB, so it is no dependency of the project.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifests = join(root, 'scripts/bun');
const cache = join(root, '.cache/bun');
const bun = join(cache, 'node_modules/@oven/bun-linux-x64/bin/bun');

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.log(`test:bun is skipped on ${process.platform} ${process.arch}: its Bun is for linux x64`);
  process.exit(0);
}

/** @param {string} file */
const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

function install() {
  const lock = 'package-lock.json';
  if (existsSync(bun) && read(join(manifests, lock)) === read(join(cache, lock))) return;
  mkdirSync(cache, { recursive: true });
  for (const file of ['package.json', lock]) copyFileSync(join(manifests, file), join(cache, file));
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts'], { cwd: cache, stdio: 'inherit' });
  if (status !== 0) throw new Error('Bun could not be installed.');
}

install();
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/bun.test.ts'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, HOLDFAST_TEST_BUN: bun },
});
process.exitCode = status ?? 1;
