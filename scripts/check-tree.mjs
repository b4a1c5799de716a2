// House rules that no linter knows. Prints every offence as file:line and fails if there is one.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folders = ['src', 'test', 'bench', 'examples', 'scripts', 'docs'];
const maximumLines = 400;

/**
 * @typedef {object} Rule
 * @property {RegExp} pattern
 * @property {string} says
 * @property {(file: string) => boolean} appliesTo
 */

/** @type {readonly Rule[]} */
const rules = [
  {
    pattern: /\bprocess\.platform\b|\bos\.platform\(/,
    says: 'only a selector (index.ts) may ask for the platform',
    appliesTo: (file) => file.startsWith('src/') && basename(file) !== 'index.ts',
  },
  {
    pattern:
      /\bprocess\.(hrtime|nextTick)\b|\bglobalThis\.(set|clear|queueMicrotask|performance|Date)|\bAbortSignal\.timeout\b|'node:(timers|perf_hooks)/,
    says: 'time comes from src/time/time.ts, for tests of users fake this one',
    appliesTo: (file) => file.startsWith('src/') && !file.startsWith('src/time/'),
  },
  {
    pattern: /\b(TO[D]O|FIX[M]E|XX[X])\b/,
    says: 'finish it, or give it a row in the known limits',
    appliesTo: () => true,
  },
  {
    pattern: /\.(only|skip|todo)(\.each)?\(/,
    says: 'every test runs',
    appliesTo: (file) => file.startsWith('test/'),
  },
  {
    pattern:
      /\bsetTimeout\(\s*(resolve|done|\(\) => (resolve|done)\(.*?\)),|\bawait (timers\.)?(setTimeout|pause|sleep|delay)\(|\bsetTimeout\b.* from 'node:timers\/promises'/,
    says: 'a test waits for what happens (until, within, Child.line), never for a time',
    appliesTo: (file) => /^test\/(?!fixtures|stress|support\/time)/.test(file), // those go on at random moments
  },
];

/** @param {string} file @returns {string[]} */
function offencesIn(file) {
  const lines = readFileSync(file, 'utf8').split('\n');
  const found = lines.flatMap((line, index) =>
    rules
      .filter(({ appliesTo, pattern }) => appliesTo(file) && pattern.test(line))
      .map(({ says }) => `${file}:${index + 1}: ${says}: ${line.trim()}`),
  );
  const length = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  if (/^(src|test)\//.test(file) && length > maximumLines) {
    found.push(`${file}: ${length} lines, at most ${maximumLines} are allowed`);
  }
  return found;
}

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const files = folders
  .filter((folder) => existsSync(folder))
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => /\.(ts|mts|cts|js|mjs|cjs|sh|md)$/.test(file) && !file.includes('node_modules/'));
const offences = files.flatMap(offencesIn);

for (const offence of offences) console.error(offence);
console.log(`check-tree: ${files.length} files, ${offences.length} offences`);
process.exitCode = offences.length === 0 ? 0 : 1;
