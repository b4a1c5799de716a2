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
  const passing = results.filter(({ state }) => state === 'pass').length;
  if (status !== 0 && failed.length === 0) console.log(`It ended with ${status} before it was through.`);
  const passed = status === 0 && passing > 0 && passing === results.length;
  const seconds = (results.reduce((sum, { ms }) => sum + ms, 0) / 1000).toFixed(1);
  console.log(`${passed ? 'passed' : 'FAILED'} ${file}: ${passing} tests in ${seconds} s`);
  return passed;
}
