// Runs test files inside an emulated Node.js: run-tests.mjs <report> <file …>. The report is a JSON file, because standard
// output does not always get out of an emulator.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { startTests } from '@vitest/runner';
import { processError } from '@vitest/utils/error';

const [report = '', ...files] = process.argv.slice(2);
if (process.platform === 'win32') await import('./windows.mjs');
// The emulated program itself cannot be started by this machine; what starts it in its emulator can.
process.execPath = process.env.EMULATED_NODE ?? process.execPath;
// As test/setup/time.ts does it; a path of the compiled project, where this file is copied to.
await import(pathToFileURL(resolve(import.meta.dirname, 'test/support/time.mjs')).href);

/** @type {{ title: string, state: string, ms: number, error?: string }[]} */
const results = [];
const save = () => writeFileSync(report, JSON.stringify(results, null, 2));

/** @param {import('@vitest/runner').Task} task @returns {string} */
function titleOf(task) {
  return [...(task.suite === undefined ? [] : [titleOf(task.suite)]), task.name].join(' › ');
}

/** @type {import('@vitest/runner').VitestRunner} */
const runner = {
  config: /** @type {any} */ ({
    root: process.cwd(),
    setupFiles: [],
    name: undefined,
    passWithNoTests: false,
    testNamePattern: undefined,
    allowOnly: false,
    sequence: { seed: 1, hooks: 'stack', setupFiles: 'list', concurrent: false, shuffle: false },
    maxConcurrency: 1,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    retry: 0,
    includeTaskLocation: false,
    tags: [],
    tagsFilter: undefined,
    strictTags: false,
  }),
  importFile: (file) => import(pathToFileURL(file).href),
  async onAfterRunTask(task) {
    const { state = 'none', duration = 0, errors = [] } = task.result ?? {};
    const error = errors.map((each) => each.stack ?? each.message).join('\n');
    results.push({
      title: titleOf(task),
      state,
      ms: Math.round(duration),
      ...(error === '' ? {} : { error }),
    });
    save();
    await setTimeout(1); // timers that are due come before the next test, as they do where tests are told to another process
  },
};

process.on('uncaughtException', (error) => {
  results.push({
    title: 'outside of a test',
    state: 'fail',
    ms: 0,
    error: String(processError(error)?.stack),
  });
  save();
});

save();
setInterval(() => {}, 300_000); // a test may wait for what keeps no process alive, such as a hold limit
const suites = await startTests(
  files.map((file) => resolve(file)),
  runner,
);
for (const file of suites) {
  if (file.result?.state === 'fail' && file.tasks.length === 0) {
    const error = file.result.errors?.map((each) => each.stack ?? each.message).join('\n') ?? '';
    results.push({ title: file.name, state: 'fail', ms: 0, error });
  }
}
save();
process.exit(results.every(({ state }) => state === 'pass') ? 0 : 1);
