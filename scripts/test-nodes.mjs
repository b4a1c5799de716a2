// Runs the tests that lean on the runtime with other Node.js versions: `npm run test:nodes [-- path …]`.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifests = join(root, 'scripts/nodes');
const cache = join(root, '.cache/nodes');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const asked = process.argv.slice(2);
const paths = asked.length > 0 ? asked : ['test/lock', 'test/engine'];

/** Sweeps over what the system may do to the protocols, whatever runtime carries them out; `npm run test:unit` has them. */
const OF_THE_SYSTEM = [
  'test/engine/choice/{kernel-missing,taking-back.processes}.test.ts',
  'test/engine/file-systems/{fuse,local}.test.ts',
  'test/engine/portable/{breakers,crash,stale-race,stress}.test.ts',
];
const passedOver = asked.length > 0 ? [] : OF_THE_SYSTEM;

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.log(
    `test:nodes is skipped on ${process.platform} ${process.arch}: its Node.js binaries are for linux x64`,
  );
  process.exit(0);
}

/** @param {string} file */
const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

/** @returns {Record<string, string>} */
const pinned = () => JSON.parse(read(join(manifests, 'package.json'))).dependencies;

/** @param {string} name */
const binary = (name) => join(cache, 'node_modules', name, 'bin/node');

function install() {
  const lock = 'package-lock.json';
  const present = Object.keys(pinned()).every((name) => existsSync(binary(name)));
  if (present && read(join(manifests, lock)) === read(join(cache, lock))) return;
  mkdirSync(cache, { recursive: true });
  for (const file of ['package.json', lock]) copyFileSync(join(manifests, file), join(cache, file));
  // These packages have no use for their install scripts: the binary is in the package.
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts'], { cwd: cache, stdio: 'inherit' });
  if (status !== 0) throw new Error('The Node.js binaries could not be installed.');
}

/** @param {string} name */
function run(name) {
  const report = join(cache, `${name}.json`);
  const options = [
    ...['--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    ...passedOver.map((pattern) => `--exclude=${pattern}`),
  ];
  const version = spawnSync(binary(name), ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(`\nNode.js ${version}: ${paths.join(' ')}`);
  rmSync(report, { force: true });
  const { status } = spawnSync(binary(name), [vitest, 'run', ...options, ...paths], {
    cwd: root,
    stdio: 'inherit',
    // Children started as plain `node` get this version too.
    env: { ...process.env, PATH: `${dirname(binary(name))}${delimiter}${process.env.PATH}` },
  });
  const { numPassedTests = 0, numFailedTests = 0, numPendingTests = 0 } = JSON.parse(read(report) || '{}');
  return { version, passed: status === 0, counts: [numPassedTests, numFailedTests, numPendingTests] };
}

install();
const results = Object.keys(pinned()).map(run);

console.log('');
for (const { version, passed, counts } of results) {
  const [succeeded, failed, skipped] = counts;
  const verdict = passed ? 'passed' : 'FAILED';
  console.log(
    `Node.js ${version} ${verdict}: ${succeeded} tests passed, ${failed} failed, ${skipped} skipped`,
  );
}
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
