// Runs tests again and again, and stops at the first failure: npm run test:repeat -- [--times N] [--load N] FILE …
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { program } from 'commander';

const root = fileURLToPath(new URL('..', import.meta.url));
program
  .name('npm run test:repeat --')
  .argument('<words...>', 'files, and options of vitest, such as -t TITLE')
  .option('--times <n>', 'how often', Number, 50)
  .option('--load <n>', 'how many processes keep the processors busy meanwhile', Number, 0)
  .allowUnknownOption()
  .parse();
/** @type {{ times: number, load: number }} */
const { times, load } = program.opts();

const busy = Array.from({ length: load }, () => spawn(process.execPath, ['-e', 'for (;;);']));
process.on('exit', () => {
  for (const child of busy) child.kill('SIGKILL');
});
process.on('SIGINT', () => process.exit(130));

const command = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...program.args];
const env = { ...process.env, NO_COLOR: '1' };
const started = performance.now();
for (let round = 1; round <= times; round++) {
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  if (status === 0 && /^ +Tests +\d+ passed/m.test(stdout)) continue; // a title that no test has passes too
  console.error(`${stdout}${stderr}\nrun ${round} of ${times} did not pass, beside a load of ${load}`);
  process.exit(1);
}
const seconds = Math.round((performance.now() - started) / 1000);
console.log(`${times} runs beside a load of ${load} passed in ${seconds} s`);
process.exit(0);
