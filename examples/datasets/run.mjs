#!/usr/bin/env node
// Starts the server of the data sets, and the three jobs, all at once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { names } from './corpus.mjs';
import { DataServer, FAULTS } from './server.mjs';

const JOBS = ['words', 'index', 'compare'];

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: 'datasets-data' },
    policy: { type: 'string', default: 'if-missing' },
    edition: { type: 'string', default: '1' },
    novels: { type: 'string', default: 'busy,drop,truncated,slow' },
    letters: { type: 'string', default: 'revised,slow' },
  },
});

/** @param {string} list */
function faultsIn(list) {
  return list
    .split(',')
    .filter(Boolean)
    .map((given) => {
      const fault = FAULTS.find((each) => each === given);
      if (fault === undefined) throw new Error(`There is no fault ${given}: ${FAULTS.join(', ')}`);
      return fault;
    });
}

/** How the job ended. @param {string} job @param {string} server @param {string} data */
async function start(job, server, data) {
  const program = fileURLToPath(new URL('job.mjs', import.meta.url));
  const args = [program, job, '--server', server, '--data', data, '--policy', values.policy];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code, signal] = await once(child, 'exit');
  if (signal !== null) console.error(`${job}: ended by ${signal}`);
  return code === 0;
}

const data = resolve(values.data);
mkdirSync(data, { recursive: true });
const faults = { novels: faultsIn(values.novels), letters: faultsIn(values.letters) };
const server = new DataServer({ faults, edition: Number(values.edition) });
server.onAnswer = (/** @type {import('./server.mjs').Answered} */ { name, by, range, status, fault }) => {
  const about = [range, fault].filter((each) => each !== undefined).join(', ');
  console.log(`  ${name}: ${status} for ${by}${about === '' ? '' : `: ${about}`}`);
};
const url = await server.start();
const results = await Promise.all(JOBS.map((job) => start(job, url, data)));
await server.stop();
const counts = names.map((name) => `${name} ${server.requests.filter((each) => each.name === name).length}`);
console.log(`requests: ${counts.join(', ')}`);
process.exitCode = results.every(Boolean) ? 0 : 1;
