// Torture: `npm run test:torture -- [seconds] [seed] [patient]`. Processes that take the same locks in every way while
// they are killed, stopped and continued; then everything they wrote down is examined. Fails if anything is wrong.
//
// `patient`: nobody is stopped, and no waiter ever looks by itself, so that a single hint that is lost is found.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LockManager } from 'holdfast';
import { randomFrom } from '../fixtures/stress-random.mjs';
import { Region } from '../fixtures/stress-region.mjs';
import { fixture, Program } from '../support/program.mjs';
import { figuresOf, readCounters, readHistories, violationsOf } from './history.mjs';
import { lostWakeups, readStays } from './wakeups.mjs';

const WORKER = fixture('queue-torture.mjs');
const RESOURCES = ['alpha', 'beta'];
/** The longest a waiter sleeps before it looks whether the lock is free, and its second look, in milliseconds. */
const BACKSTOP = 320;
/** How much longer a process may take to come to it on a busy machine. */
const SLACK = 2_000;
/** So long that others who wait for one that is stopped meanwhile, instead of passing it, are found. */
const LONG_STOP = BACKSTOP + SLACK + 1_000;
const LONGEST_DEATH = 10_000;
const HANGING = 60_000;

const FAR = 2n ** 63n;
const now = () => process.hrtime.bigint();

/** @typedef {Awaited<ReturnType<typeof torture>>} Report */

/** @param {{ seconds: number, seed: number, patient?: boolean, processes?: number }} options */
export async function torture({ seconds, seed, patient = false, processes = 16 }) {
  const home = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'holdfast-torture-')));
  fs.mkdirSync(join(home, 'history'));
  for (const name of RESOURCES) Region.make(join(home, name));
  const rack = new Rack({ home, seed, seconds, patient });
  try {
    await rack.finish(processes);
    return { seed, seconds, patient, ...rack.figures, ...examine(home, rack) };
  } finally {
    rack.end();
    fs.rmSync(home, { recursive: true, force: true });
  }
}

/** The processes of a run, and what befalls them. */
class Rack {
  kills = 0;
  hung = '';
  /** @type {Map<string, bigint>} when each process was seen to be dead */
  ends = new Map();
  /** @type {Map<string, { from: bigint, to: bigint }[]>} */
  stops = new Map();
  /** What processes held while they were stopped, of which they may have had no chance to write. @type {import('./wakeups.mjs').Stay[]} */
  unwritten = [];
  #task;
  #random;
  /** When all stop to begin anything; known when all are there. @type {bigint | undefined} */
  #until;
  #born = 0;
  /** Attempts since somebody was disturbed for the last time. */
  #progress = 0;
  /** @type {Map<string, Program>} */
  #running = new Map();
  /** @type {Set<string>} */
  #stopped = new Set();

  /** @param {{ home: string, seed: number, seconds: number, patient: boolean }} task */
  constructor(task) {
    this.#task = task;
    this.#random = randomFrom(task.seed);
  }

  get figures() {
    const stops = [...this.stops.values()].reduce((sum, { length }) => sum + length, 0);
    return { lives: this.ends.size, kills: this.kills, stops, hung: this.hung };
  }

  /** @param {number} processes */
  async finish(processes) {
    const slots = Promise.all(Array.from({ length: processes }, (_, slot) => this.#slot(slot)));
    while (this.#born < processes) await Promise.race([slots, setTimeout(10)]);
    this.#until = now() + BigInt(Math.round(this.#task.seconds * 1e9));
    for (const program of this.#running.values()) program.say(`${this.#until}`);
    await Promise.race([slots, this.#disturb(this.#until)]);
    const over = new AbortController();
    const hanging = setTimeout(HANGING, 'hung', { signal: over.signal }).catch(() => 'ended');
    if ((await Promise.race([hanging, slots])) === 'hung') {
      this.hung = `${[...this.#running.keys()].join(', ')} never finished`;
    }
    over.abort();
  }

  /** One process after the other until the time is over. @param {number} slot */
  async #slot(slot) {
    for (let life = 0; this.#until === undefined || now() < this.#until; life++)
      await this.#life(`w${slot}-${life}`);
  }

  /** @param {string} worker */
  async #life(worker) {
    const { home, patient } = this.#task;
    const seed = Math.floor(this.#random() * 2 ** 32);
    const defaults = { timeout: 10_000, ...(patient && { pollInterval: 60_000 }) };
    const task = { home, worker, seed, defaults, resources: RESOURCES };
    const words = [WORKER, JSON.stringify({ ...task, patience: LONGEST_DEATH })];
    const program = new Program(process.execPath, words);
    this.#running.set(worker, program);
    if (this.#until !== undefined) program.say(`${this.#until}`);
    program.process.stdout?.on('data', ({ length }) => {
      this.#progress += length;
    });
    program.line('born').then(
      () => this.#born++,
      () => {}, // killed before
    );
    void program.exited.then(() => {
      this.ends.set(worker, now());
      this.#running.delete(worker);
    });
    const { code, signal, stderr } = await program.ended;
    if (code !== 0 && signal !== 'SIGKILL')
      throw new Error(`${worker} ended with ${signal ?? code}: ${stderr}`);
  }

  /** Every now and then when they get on: kills somebody, or stops somebody for a while. @param {bigint} until */
  async #disturb(until) {
    while (now() < until) {
      await setTimeout(this.#random() * 60);
      if (this.#progress < 8) continue;
      this.#progress = 0;
      const all = [...this.#running.keys()].filter((worker) => !this.#stopped.has(worker));
      const victim = this.#inside() ?? all[Math.floor(this.#random() * all.length)];
      if (victim === undefined || this.#stopped.has(victim)) continue;
      const toKill = this.kills === 0 || this.#random() < 0.1;
      const toStop = this.stops.size === 0 || this.#random() < 0.4;
      if (toKill) this.kills += this.#running.get(victim)?.signal('SIGKILL') ? 1 : 0;
      else if (toStop && !this.#task.patient) void this.#stop(victim);
    }
  }

  /** @param {string} worker */
  async #stop(worker) {
    const program = this.#running.get(worker);
    const span = { from: now(), to: FAR };
    this.stops.set(worker, [...(this.stops.get(worker) ?? []), span]);
    this.#stopped.add(worker);
    program?.signal('SIGSTOP');
    const pid = Number(program?.pid);
    while (program?.isRunning && !isStopped(pid)) await setTimeout(1);
    const held = heldBy(pid, join(this.#task.home, 'locks')).map((resource) => {
      const stay = { from: span.from, to: FAR, hold: `${worker} (stopped)`, worker, resource };
      this.unwritten.push(stay);
      return stay;
    });
    await setTimeout(this.#random() < 0.9 || this.#isInside(program) ? this.#random() * 60 : LONG_STOP);
    program?.signal('SIGCONT');
    span.to = now();
    for (const stay of held) stay.to = span.to;
    this.#stopped.delete(worker);
  }

  /** Now and then: somebody who seems to be inside just now. */
  #inside() {
    if (this.#random() < 0.8) return undefined;
    return [...this.#running].find(([, program]) => this.#isInside(program))?.[0];
  }

  /** @param {Program | undefined} program */
  #isInside(program) {
    const markers = RESOURCES.flatMap((name) => fs.readdirSync(join(this.#task.home, name, 'inside')));
    return markers.some((marker) => marker.split('-')[1] === String(program?.pid));
  }

  end() {
    for (const program of this.#running.values()) program.signal('SIGKILL');
  }
}

/** @param {number} pid */
function isStopped(pid) {
  try {
    return /^State:\s+T/m.test(fs.readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return true; // dead
  }
}

/** The resources whose lock the kernel says that a process took. @param {number} pid @param {string} directory */
function heldBy(pid, directory) {
  const locks = new LockManager({ directory });
  const table = fs.readFileSync('/proc/locks', 'latin1');
  return RESOURCES.filter((name) => {
    const inode = fs.statSync(locks.pathOf(name), { throwIfNoEntry: false })?.ino;
    return new RegExp(`FLOCK .* ${pid} [0-9a-f]+:[0-9a-f]+:${inode} `).test(table);
  });
}

/** @param {string} home @param {Rack} rack */
function examine(home, { ends: deaths, stops, unwritten }) {
  const directory = join(home, 'history');
  const history = readHistories(directory);
  const { waits: stays, holds: written } = readStays(directory, RESOURCES, deaths);
  const all = [...written, ...unwritten].sort((a, b) => (a.to < b.to ? -1 : 1));
  const wakeups = lostWakeups({ waits: stays, holds: all }, stops, BACKSTOP + SLACK);
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
  });
  const violations = Object.entries(report.violations).flatMap(([kind, all]) =>
    all.map((one) => `${kind}: ${one}`),
  );
  console.log(`${summary(report)}: ${violations.length} violations ${report.hung}`);
  for (const violation of violations.slice(0, 50)) console.log(`  ${violation}`);
  process.exitCode = violations.length === 0 && report.hung === '' ? 0 : 1;
}
