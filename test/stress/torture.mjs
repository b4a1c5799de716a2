// Torture: `npm run test:torture -- [seconds] [seed] [patient]`. Processes that take the same locks in every way while
// they are killed, stopped and continued; then everything they wrote down is examined. Fails if anything is wrong.
//
// `patient`: nobody is stopped, and no waiter ever looks by itself, so that a single hint that is lost is found.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LockManager } from 'holdfast';
import { Region } from '../fixtures/stress-region.mjs';
import { fixture, Program } from '../support/program.mjs';
import { figuresOf, readCounters, readHistories, violationsOf } from './history.mjs';
import { HANGING, heldBy, Rack } from './rack.mjs';
import { lostWakeups, readStays } from './wakeups.mjs';

const WORKER = fixture('queue-torture.mjs');
const RESOURCES = ['alpha', 'beta'];
/** The longest a waiter sleeps before it looks whether the lock is free, and its second look, in milliseconds. */
const BACKSTOP = 320;
/** By hand, on a quiet machine: how much longer a process may take to come to it. */
const SLACK = 2_000;
const LONGEST_DEATH = 10_000;
/** Nobody's time is up, nor does who is patient look by itself, before the run counts as hanging. */
const PATIENCE = 10 * HANGING;

/** @typedef {Awaited<ReturnType<typeof torture>>} Report */

/**
 * Goes on for so long, and until all together have tried so often.
 *
 * @param {{ seconds: number, seed: number, attempts?: number, patient?: boolean, processes?: number, limit?: number }} options
 * `limit`: how many milliseconds somebody may wait for a lock that nobody holds. Without one, only who is never woken fails.
 */
export async function torture(options) {
  const { seconds, seed, attempts = 0, patient = false, processes = 16, limit = HANGING } = options;
  const home = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'holdfast-torture-')));
  fs.mkdirSync(join(home, 'history'));
  for (const name of RESOURCES) Region.make(join(home, name));
  const defaults = { timeout: PATIENCE, ...(patient && { pollInterval: PATIENCE }) };
  const all = { home, defaults, resources: RESOURCES, patience: LONGEST_DEATH };
  const rack = new Rack({
    ...{ seed, seconds, attempts },
    stops: patient ? 'none' : 'long',
    start: (worker, _slot, own) =>
      new Program(process.execPath, [WORKER, JSON.stringify({ ...all, worker, seed: own })]),
    inside: () => Region.markersIn(home, RESOURCES),
    heldBy: (pid) => heldBy(pid, lockFiles(join(home, 'locks'))),
  });
  try {
    await rack.finish(processes);
    return { seed, seconds, patient, ...rack.figures, ...examine(home, rack, limit) };
  } finally {
    rack.end();
    fs.rmSync(home, { recursive: true, force: true });
  }
}

/** @param {string} directory */
function lockFiles(directory) {
  const locks = new LockManager({ directory });
  return Object.fromEntries(RESOURCES.map((name) => [name, locks.pathOf(name)]));
}

/** @param {string} home @param {Rack} rack @param {number} limit */
function examine(home, { ends: deaths, stops, unwritten }, limit) {
  const directory = join(home, 'history');
  const history = readHistories(directory);
  const { waits: stays, holds: written } = readStays(directory, RESOURCES, deaths);
  const all = [...written, ...unwritten].sort((a, b) => (a.to < b.to ? -1 : 1));
  const wakeups = lostWakeups({ waits: stays, holds: all }, stops, limit);
  return {
    ...figuresOf(history),
    violations: {
      ...violationsOf(history, readCounters(home, RESOURCES)),
      wakeups: wakeups.found,
      leftovers: leftovers(join(home, 'locks')),
    },
    holds: history.holds.length,
    longestFree: wakeups.longest,
  };
}

/** What is left beside the lock files once each was taken one last time. @param {string} directory */
function leftovers(directory) {
  const locks = new LockManager({ directory });
  for (const name of RESOURCES) locks.acquireSync(name).release();
  return fs
    .readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/\.lock$/.test(name));
}

/** @param {Report} report */
export function summary(report) {
  const { seed, seconds, patient, attempts, holds, lives, kills, stops, recovered, timeouts } = report;
  const [mean, most, free] = [report.meanWait, report.maximumWait, report.longestFree].map(Math.round);
  return (
    `torture seed ${seed}, ${seconds} s${patient ? ', patient' : ''}: ${attempts} attempts, ${holds} holds, ${lives} processes, ${kills} killed, ` +
    `${stops} stopped, ${recovered} recovered, ${timeouts} timeouts, wait mean ${mean} ms max ${most} ms, ` +
    `longest free while somebody waited ${free} ms`
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [seconds = '60', seed, kind] = process.argv.slice(2);
  const report = await torture({
    seconds: Number(seconds),
    seed: Number(seed ?? Math.floor(Math.random() * 2 ** 31)),
    patient: kind === 'patient',
    limit: BACKSTOP + SLACK,
  });
  const violations = Object.entries(report.violations).flatMap(([kind, all]) =>
    all.map((one) => `${kind}: ${one}`),
  );
  console.log(`${summary(report)}: ${violations.length} violations ${report.hung}`);
  for (const violation of violations.slice(0, 50)) console.log(`  ${violation}`);
  process.exitCode = violations.length === 0 && report.hung === '' ? 0 : 1;
}
