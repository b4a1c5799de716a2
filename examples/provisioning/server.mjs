#!/usr/bin/env node
// The primary process: decides how volumes are made, keeps four workers alive, and ends them in order.
import cluster from 'node:cluster';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chooseMode } from './mode.mjs';

const WORKERS = 4;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    data: { type: 'string', default: 'provisioning-data' },
    mode: { type: 'string' },
    content: { type: 'string' },
  },
});

const data = resolve(values.data);
mkdirSync(data, { recursive: true });
const { mode, reason } = await chooseMode(data, values.mode);

/** What the workers are told through their environment. */
const settings = {
  PROVISION_PORT: values.port,
  PROVISION_DATA: data,
  PROVISION_MODE: mode,
  PROVISION_CONTENT: values.content ?? '',
};

/** @type {Set<number>} ids of the workers that accept connections */
const listening = new Set();
let announced = false;
let stopping = false;

cluster.setupPrimary({ exec: fileURLToPath(new URL('worker.mjs', import.meta.url)), args: [] });

cluster.on('listening', (worker, { port }) => {
  listening.add(worker.id);
  if (announced) {
    console.log(`worker ${worker.id} (pid ${worker.process.pid}) listens`);
  } else if (listening.size === WORKERS) {
    announced = true;
    console.log(
      `listening on http://127.0.0.1:${port} with ${WORKERS} workers, mode ${mode} (${reason}), data in ${data}`,
    );
  }
});

cluster.on('exit', (worker, code, signal) => {
  const wasListening = listening.delete(worker.id);
  if (stopping) {
    if (code !== 0 && signal !== 'SIGTERM') process.exitCode = 1; // SIGTERM: it had not even started
    return;
  }
  console.log(`worker ${worker.id} (pid ${worker.process.pid}) ended with ${signal ?? `code ${code}`}`);
  if (wasListening) {
    cluster.fork(settings);
  } else {
    process.exitCode = 1; // it cannot even start, and its successor could not either
    stop();
  }
});

function stop() {
  stopping = true;
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
for (let started = 0; started < WORKERS; started++) cluster.fork(settings);
