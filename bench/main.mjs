// npm run bench [-- [--quick] [--list] [name ...]]: runs the benchmarks named, or all of them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as backups from './cases/backups.mjs';
import * as cache from './cases/cache.mjs';
import * as cli from './cases/cli.mjs';
import * as document from './cases/document.mjs';
import * as download from './cases/download.mjs';
import * as fairness from './cases/fairness.mjs';
import * as handoff from './cases/handoff.mjs';
import * as idle from './cases/idle.mjs';
import * as inProcess from './cases/in-process.mjs';
import * as memory from './cases/memory.mjs';
import * as merge from './cases/merge.mjs';
import * as onceDone from './cases/once.mjs';
import * as scaling from './cases/scaling.mjs';
import * as takeover from './cases/takeover.mjs';
import * as uncontended from './cases/uncontended.mjs';
import * as watch from './cases/watch.mjs';
import { Report } from './lib/report.mjs';

/**
 * @typedef {object} Context
 * @property {string} directory an empty directory of this benchmark's own
 * @property {boolean} quick
 * @property {Report} report
 */

/** @type {Record<string, { measures: string, run: (context: Context) => Promise<void> }>} */
const cases = {
  uncontended,
  'in-process': inProcess,
  cli,
  once: onceDone,
  cache,
  download,
  document,
  merge,
  takeover,
  handoff,
  fairness,
  scaling,
  idle,
  watch,
  backups,
  memory,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, list: { type: 'boolean', default: false } },
});

const unknown = positionals.filter((name) => !(name in cases));
if (values.list || unknown.length > 0) {
  if (unknown.length > 0) console.error(`No such benchmark: ${unknown.join(', ')}. There are:`);
  for (const [name, { measures }] of Object.entries(cases)) console.log(`${name.padEnd(14)}${measures}`);
  process.exit(unknown.length > 0 ? 2 : 0);
}

const machine = {
  node: process.version,
  platform: `${process.platform} ${release()} ${process.arch}`,
  processor: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
};
console.log(
  `Node.js ${machine.node}, ${machine.platform}, ${machine.processor}${values.quick ? ', quick' : ''}`,
);

const results = fileURLToPath(new URL('../.cache/bench', import.meta.url));
mkdirSync(results, { recursive: true });

for (const [name, { measures, run }] of Object.entries(cases)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  console.log(`\n━━ ${name}: ${measures}`);
  const directory = mkdtempSync(join(tmpdir(), `holdfast-bench-${name}-`));
  const report = new Report();
  const at = new Date().toISOString();
  try {
    await run({ directory, quick: values.quick, report });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const result = { name, measures, at, quick: values.quick, machine, ...report };
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
}
