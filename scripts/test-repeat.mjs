// Runs tests again and again, and stops at the first failure: npm run test:repeat -- [--times N] [--load N] FILE …
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError, program } from 'commander';

const root = fileURLToPath(new URL('..', import.meta.url));
program
  .name('npm run test:repeat --')
  .argument('<words...>', 'files, and options of vitest, such as -t TITLE')
  .option('--times <n>', 'how often', count, 50)
  .option('--load <n>', 'how many processes keep the processors busy meanwhile', count, 0)
  .allowUnknownOption()
  .parse();
/** @type {{ times: number, load: number }} */
const { times, load } = program.opts();

/** @param {string} word */
function count(word) {
  if (/^\d{1,6}$/.test(word)) return Number(word);
  throw new InvalidArgumentError('It must be a whole number.');
}

const busy = Array.from({ length: load }, () => spawn(process.execPath, ['-e', 'for (;;);']));
process.on('exit', () => {
  for (const child of busy) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

const command = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...program.args];
const env = { ...process.env, NO_COLOR: '1' };
const started = performance.now();
for (let round = 1; round <= times; round++) {
  const { code, output } = await run();
  if (code === 0 && /^ +Tests +\d+ passed/m.test(output)) continue; // a title that no test has passes too
  console.error(`${output}\nrun ${round} of ${times} did not pass, beside a load of ${load}`);
  process.exit(1);
}
const seconds = Math.round((performance.now() - started) / 1000);
console.log(`${times} runs beside a load of ${load} passed in ${seconds} s`);
process.exit(0);

/** @returns {Promise<{ code: number | null, output: string }>} */
function run() {
  const child = spawn(process.execPath, command, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}
