import { existsSync, readFileSync } from 'node:fs';

/**
 * @typedef {object} Result
 * @property {string} title
 * @property {string} state
 * @property {number} ms
 * @property {string} [error]
 */

/** @param {string} file @returns {Result[]} */
export function readReport(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
}

/**
 * Prints what failed, and one line about each file; returns whether everything passed that was expected to run.
 *
 * @param {string} file @param {readonly Result[]} results @param {number | null} status
 */
export function report(file, results, status) {
  const failed = results.filter(({ state }) => state === 'fail');
  for (const { title, error = '' } of failed) console.log(`FAILED ${title}\n${error}\n`);
  const count = (/** @type {string} */ state) => results.filter((result) => result.state === state).length;
  const passed = status === 0 && failed.length === 0 && count('pass') > 0;
  const left = count('skip') === 0 ? '' : `, ${count('skip')} not for this platform`;
  const seconds = (results.reduce((sum, { ms }) => sum + ms, 0) / 1000).toFixed(1);
  console.log(`${passed ? 'passed' : 'FAILED'} ${file}: ${count('pass')} tests in ${seconds} s${left}`);
  return passed;
}
