// Plants the bugs of test/mutants, one at a time, in a copy of the tree, and runs the tests that must catch them: npm run mutate -- [ID …]
// Prints which bugs no test caught. A bug whose text does not occur exactly once any more counts as not caught.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { program } from 'commander';
import { parse } from 'yaml';
import { Lane } from './mutate/lane.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const mutants = join(root, 'test/mutants');
const ENOUGH = 0.95;

/**
 * @typedef {object} Mutant
 * @property {string} id
 * @property {string} says what is wrong with it
 * @property {string} [step] the fault it repeats (`X…`), or `trace` when it breaks a step of a protocol's trace
 * @property {string} file
 * @property {string} text occurs once in the file
 * @property {string} replacement
 * @property {readonly string[]} tests the files that must catch it
 */

/**
 * Only `caught` counts: a test failed, and its title is printed, so that a catch by accident can be seen. `broken`: the tests
 * could not even be loaded. `hangs`: they had to be ended. `unsound`: the same files, run by themselves, fail without any bug.
 *
 * @typedef {'caught' | 'survived' | 'text not found' | 'broken' | 'hangs' | 'unsound'} Fate
 */

program
  .name('npm run mutate --')
  .argument('[ids...]', 'the bugs to plant, or beginnings of their ids (default: all)')
  .option('--lanes <n>', 'how many at a time', Number, 2)
  .option('--limit <seconds>', 'how long the tests of one bug may take', Number, 300)
  .parse();
const { lanes, limit } = program.opts();
const chosen = allMutants().filter(
  ({ id }) => program.args.length === 0 || program.args.some((start) => id.startsWith(start)),
);

/** @returns {Mutant[]} */
function allMutants() {
  return readdirSync(mutants)
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parse(readFileSync(join(mutants, name), 'utf8')));
}

const built = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' });
if (built.status !== 0) process.exit(1);
const workers = Array.from(
  { length: Math.min(lanes, chosen.length) },
  (_, number) => new Lane(number, limit),
);
const left = [...chosen];
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void giveUp());

async function giveUp() {
  left.length = 0;
  for (const lane of workers) await lane.close();
  process.exit(1);
}

/** What failed in each set of test files when it ran without a bug; '' if nothing did. @type {Map<string, Promise<string>>} */
const faults = new Map();

/**
 * A set that fails without a bug catches none. Each is tried once, by itself as with its bugs, when the first of them seems
 * to be caught.
 *
 * @param {Lane} lane @param {readonly string[]} tests
 */
function faultOf(lane, tests) {
  const set = [...new Set(tests)].sort().join(' ');
  const fault = faults.get(set) ?? lane.faultWithoutBug(tests);
  faults.set(set, fault);
  return fault;
}

/** @type {{ mutant: Mutant, fate: Fate }[]} */
const results = [];
await Promise.all(
  workers.map(async (lane) => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const started = performance.now();
      let fate = await lane.plant(mutant);
      let by = fate === 'caught' ? ` by: ${lane.caughtBy}` : '';
      const fault = fate === 'caught' ? await faultOf(lane, mutant.tests) : '';
      if (fault !== '') [fate, by] = ['unsound', ` without a bug, too: ${fault}`];
      results.push({ mutant, fate });
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      console.log(`${results.length}/${chosen.length} ${fate} in ${seconds} s: ${mutant.id}${by}`);
    }
  }),
);
for (const lane of workers) await lane.close();

const missed = results.filter(({ fate }) => fate !== 'caught');
const areas = [...new Set(chosen.map(({ id }) => id.split('-')[0]))];
console.log('');
for (const area of areas) {
  const ofArea = results.filter(({ mutant }) => mutant.id.startsWith(`${area}-`));
  const caught = ofArea.filter((result) => !missed.includes(result)).length;
  console.log(`${String(area).padEnd(10)} ${String(caught).padStart(3)} of ${ofArea.length} caught`);
}
for (const { mutant, fate } of missed) {
  console.log(
    `\n${fate}: ${mutant.id}${mutant.step === undefined ? '' : ` (${mutant.step})`}\n  ${mutant.says}\n  ${mutant.file}`,
  );
}
const share = 1 - missed.length / results.length;
console.log(
  `\n${results.length - missed.length} of ${results.length} planted bugs caught: ${(100 * share).toFixed(1)} %`,
);
const isTraced = missed.some(({ mutant }) => mutant.step === 'trace');
if (isTraced) console.log('One of those missed breaks a step of a protocol.');
const isUnsound = missed.some(({ fate }) => fate === 'unsound');
if (isUnsound) console.log('Some tests fail without any bug planted; see npm run test:unit');
process.exitCode = share >= ENOUGH && !isTraced && !isUnsound ? 0 : 1;
