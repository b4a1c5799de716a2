// Plants the bugs of test/mutants, one at a time, in a copy of the tree, and runs the tests that must catch them: npm run mutate -- [ID …]
// Prints which bugs no test caught. A bug whose text does not occur exactly once any more counts as not caught.
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { program } from 'commander';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('..', import.meta.url));
const mutants = join(root, 'test/mutants');
const place = join(root, '.cache/mutate');
const ENOUGH = 0.95;
const HANGING = 300_000;

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
 * could not even be loaded. `hangs`: they had to be ended.
 *
 * @typedef {'caught' | 'survived' | 'text not found' | 'broken' | 'hangs'} Fate
 */

program
  .name('npm run mutate --')
  .argument('[ids...]', 'the bugs to plant, or beginnings of their ids (default: all)')
  .option('--lanes <n>', 'how many at a time', Number, 2)
  .parse();
const { lanes } = program.opts();
const chosen = allMutants().filter(
  ({ id }) => program.args.length === 0 || program.args.some((start) => id.startsWith(start)),
);

/** @returns {Mutant[]} */
function allMutants() {
  return readdirSync(mutants)
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parse(readFileSync(join(mutants, name), 'utf8')));
}

/** A copy of the tree of its own, so that lanes do not disturb each other, nor anybody who works on the tree itself. */
class Lane {
  /** @param {number} number */
  constructor(number) {
    this.home = join(place, String(number));
    /** The title that failed last. */
    this.caughtBy = '';
    rmSync(this.home, { recursive: true, force: true });
    const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
    });
    for (const file of String(listed.stdout)
      .split('\0')
      .filter((name) => name !== '' && existsSync(join(root, name)))) {
      mkdirSync(dirname(join(this.home, file)), { recursive: true });
      cpSync(join(root, file), join(this.home, file));
    }
    symlinkSync(join(root, 'node_modules'), join(this.home, 'node_modules'));
    // With its declarations, so that no bug is judged by the compiler: from here on only code is built.
    cpSync(join(root, 'dist'), join(this.home, 'dist'), { recursive: true });
  }

  /**
   * Plants one bug, and mends it again.
   *
   * @param {Mutant} mutant @returns {Promise<Fate>}
   */
  async plant({ file, text, replacement, tests }) {
    const path = join(this.home, file);
    const sound = readFileSync(path, 'utf8');
    if (sound.split(text).length !== 2) return 'text not found';
    writeFileSync(
      path,
      sound.replace(text, () => replacement),
    );
    try {
      return await this.run(tests);
    } finally {
      writeFileSync(path, sound);
    }
  }

  /** @param {readonly string[]} tests @returns {Promise<Fate>} */
  async run(tests) {
    const report = join(this.home, 'report.json');
    rmSync(report, { force: true });
    const options = ['run', '--bail=1', '--reporter=json', `--outputFile=${report}`, ...tests];
    const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', ...options], {
      cwd: this.home,
      stdio: 'ignore',
      detached: true,
    });
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      process.kill(-Number(child.pid), 'SIGKILL');
    }, HANGING);
    await new Promise((resolve) => child.once('exit', resolve));
    clearTimeout(timer);
    if (!existsSync(report)) return hangs ? 'hangs' : 'broken';
    const { success, numTotalTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
    if (numTotalTests === 0 && success) throw new Error(`no test ran: ${tests.join(' ')}`);
    if (success) return 'survived';
    this.caughtBy = failedTitleIn(report);
    return numFailedTests > 0 ? 'caught' : 'broken';
  }
}

/** @param {string} report */
function failedTitleIn(report) {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  /** @type {{ status: string, fullName: string }[]} */
  const all = testResults.flatMap(
    (/** @type {{ assertionResults: object[] }} */ file) => file.assertionResults,
  );
  return all.find(({ status }) => status === 'failed')?.fullName ?? '';
}

const built = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' });
if (built.status !== 0) process.exit(1);
const workers = Array.from({ length: Math.min(lanes, chosen.length) }, (_, number) => new Lane(number));

// What fails without a bug catches none.
const sound = await workers[0]?.run([...new Set(chosen.flatMap(({ tests }) => tests))]);
if (sound !== 'survived') throw new Error('The tests fail without any bug planted; see npm run test:unit');

/** @type {{ mutant: Mutant, fate: Fate }[]} */
const results = [];
const left = [...chosen];
await Promise.all(
  workers.map(async (lane) => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const started = performance.now();
      const fate = await lane.plant(mutant);
      results.push({ mutant, fate });
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      const by = fate === 'caught' ? ` by: ${lane.caughtBy}` : '';
      console.log(`${results.length}/${chosen.length} ${fate} in ${seconds} s: ${mutant.id}${by}`);
    }
  }),
);

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
process.exitCode = share >= ENOUGH && !isTraced ? 0 : 1;
