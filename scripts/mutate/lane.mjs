import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clearAway, MARK } from './remains.mjs';

/** @typedef {import('../mutate.mjs').Mutant} Mutant @typedef {import('../mutate.mjs').Fate} Fate */

const root = fileURLToPath(new URL('../..', import.meta.url));
const place = join(root, '.cache/mutate');

/** A copy of the tree of its own, so that lanes do not disturb each other, nor anybody who works on the tree itself. */
export class Lane {
  /** @param {number} number @param {number} limit seconds, after which tests count as hanging */
  constructor(number, limit) {
    this.home = join(place, String(number));
    this.limit = limit;
    /** The title that failed last. */
    this.caughtBy = '';
    /** Where its tests have their files and mounts, and by whose path the processes they started are known. */
    this.scratch = mkdtempSync(join(tmpdir(), 'holdfast-mutate-'));
    chmodSync(this.scratch, 0o1777); // as /tmp: some tests act as other users
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
    this.#copyBuilt();
  }

  #copyBuilt() {
    rmSync(join(this.home, 'dist'), { recursive: true, force: true });
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
      return await this.#run(tests);
    } finally {
      writeFileSync(path, sound);
    }
  }

  /**
   * What failed of these files, run without a bug; '' if nothing did.
   *
   * @param {readonly string[]} tests
   */
  async faultWithoutBug(tests) {
    // The package as it was built from the sound tree, so that nobody need build it once more.
    this.#copyBuilt();
    const { digestOfInputs, stamp } = await import(join(this.home, 'scripts/build-inputs.mjs'));
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, digestOfInputs());
    const fate = await this.#run(tests);
    if (fate === 'survived') return '';
    return fate === 'caught' ? this.caughtBy : `${tests.join(' ')} (${fate})`;
  }

  /** @param {readonly string[]} tests @returns {Promise<Fate>} */
  async #run(tests) {
    const report = join(this.home, 'report.json');
    rmSync(report, { force: true });
    const options = ['run', '--bail=1', '--reporter=json', `--outputFile=${report}`, ...tests];
    const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', ...options], {
      cwd: this.home,
      env: { ...process.env, TMPDIR: this.scratch, [MARK]: this.scratch },
      stdio: 'ignore',
      detached: true,
    });
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      process.kill(-Number(child.pid), 'SIGKILL');
    }, this.limit * 1000);
    await new Promise((resolve) => child.once('exit', resolve));
    clearTimeout(timer);
    await clearAway(this.scratch);
    if (!existsSync(report)) return hangs ? 'hangs' : 'broken';
    const { success, numTotalTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
    if (numTotalTests === 0 && success) throw new Error(`no test ran: ${tests.join(' ')}`);
    if (success) return 'survived';
    this.caughtBy = failedTitleIn(report);
    return numFailedTests > 0 ? 'caught' : 'broken';
  }

  /** Ends what still runs in it. */
  async close() {
    await clearAway(this.scratch);
    rmSync(this.scratch, { recursive: true, force: true });
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
