// One stress run: processes that take the same locks in every way, while some of them are killed and others stopped.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFrom } from '../fixtures/stress-random.mjs';
import { Region } from '../fixtures/stress-region.mjs';
import { fixture, Program } from '../support/program.mjs';
import { figuresOf, readCounters, readHistories, violationsOf } from './history.mjs';

const WORKER = fixture('stress-worker.mjs');
const RESOURCES = ['alpha', 'beta'];
const KILL_CHANCE = 0.05;
const STOP_CHANCE = 0.1;
const LONGEST_STOP = 60;
const HANGING = 120_000;
/** Nobody's time is up before the run counts as hanging: that all are granted what they wait for is what it shows. */
const PATIENCE = 10 * HANGING;
const LONGEST_DEATH = 10_000;

/**
 * @typedef {{ seed: number, processes?: number, holds?: number, timeout?: number, locked?: boolean, manager?: import('holdfast').ManagerOptions, parent?: string }} Options
 * @typedef {ReturnType<typeof report>} Report
 */

/** @param {Options} options @returns {Promise<Report>} */
export async function stress({
  seed,
  processes = 8,
  holds = 500,
  timeout = PATIENCE,
  locked = true,
  manager = {},
  parent = tmpdir(),
}) {
  const home = fs.realpathSync(fs.mkdtempSync(join(parent, 'holdfast-stress-')));
  fs.mkdirSync(join(home, 'history'));
  for (const name of RESOURCES) Region.make(join(home, name));
  // Without locks, those who meet inside would all wait for the others to turn out dead.
  const patience = locked ? LONGEST_DEATH : 1;
  const crew = new Crew({ home, seed, holds, timeout, patience, locked, manager });
  try {
    const started = performance.now();
    await crew.finish(processes);
    const took = performance.now() - started;
    return report({ home, seed, took, kills: crew.kills, stops: crew.stops, hung: crew.hung });
  } finally {
    crew.end();
    fs.rmSync(home, { recursive: true, force: true });
  }
}

/** The processes of a run, and what befalls them. */
class Crew {
  kills = 0;
  stops = 0;
  hung = '';
  #task;
  #random;
  /** @type {Map<string, Program>} */
  #running = new Map();
  /** @type {Set<NodeJS.Timeout>} */
  #resumptions = new Set();
  #ended = false;

  /** @param {{ home: string, seed: number, holds: number, timeout: number, patience: number, locked: boolean, manager: import('holdfast').ManagerOptions }} task */
  constructor(task) {
    this.#task = task;
    this.#random = randomFrom(task.seed);
  }

  /** Resolves when all have done their share, the killed ones by their successors. @param {number} processes */
  async finish(processes) {
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const hanging = new Promise((resolve) => {
      timer = setTimeout(resolve, HANGING, 'hung');
    });
    const shares = Array.from({ length: processes }, (_, slot) => this.#share(slot));
    const end = await Promise.race([hanging, Promise.all(shares)]);
    clearTimeout(timer);
    if (end === 'hung') this.hung = `${[...this.#running.keys()].join(', ')} never finished`;
  }

  /** @param {number} slot */
  async #share(slot) {
    let left = this.#task.holds;
    for (let life = 0; left > 0 && !this.#ended; life++) {
      const worker = `w${slot}-${life}`;
      await this.#life(worker, slot % 2 === 0 ? 1 : 2, left);
      left -= endedIn(join(this.#task.home, 'history', worker));
    }
  }

  /** @param {string} worker @param {number} lanes @param {number} holds */
  async #life(worker, lanes, holds) {
    const seed = Math.floor(this.#random() * 2 ** 32);
    const task = { ...this.#task, worker, lanes, holds, seed, resources: RESOURCES };
    const program = new Program(process.execPath, [WORKER, JSON.stringify(task)]);
    this.#running.set(worker, program);
    program.onLine(() => this.#disturb()); // at each line that tells of progress
    const { code, signal, stderr } = await program.ended;
    this.#running.delete(worker);
    if (code !== 0 && signal !== 'SIGKILL')
      throw new Error(`${worker} ended with ${signal ?? code}: ${stderr}`);
  }

  /** Every now and then when somebody gets on: kills somebody, or stops somebody for a while. */
  #disturb() {
    const dice = this.#random();
    const victims = [...this.#running.values()];
    const victim = this.#holder() ?? victims[Math.floor(this.#random() * victims.length)];
    if (this.#ended || victim === undefined) return;
    if (dice < KILL_CHANCE) {
      this.kills += victim.signal('SIGKILL') ? 1 : 0;
    } else if (dice < KILL_CHANCE + STOP_CHANCE) {
      this.stops += victim.signal('SIGSTOP') ? 1 : 0;
      const resume = setTimeout(() => {
        victim.signal('SIGCONT');
        this.#resumptions.delete(resume);
      }, this.#random() * LONGEST_STOP);
      this.#resumptions.add(resume);
    }
  }

  /** Mostly: somebody who seems to be inside just now. */
  #holder() {
    if (this.#random() < 0.3) return undefined;
    const markers = RESOURCES.flatMap((name) => fs.readdirSync(join(this.#task.home, name, 'inside')));
    const pid = Number(markers[0]?.split('-')[1]);
    return [...this.#running.values()].find((program) => program.pid === pid);
  }

  end() {
    this.#ended = true;
    for (const resume of this.#resumptions) clearTimeout(resume);
    for (const program of this.#running.values()) program.signal('SIGKILL');
  }
}

/** @param {string} history */
function endedIn(history) {
  if (!fs.existsSync(history)) return 0; // killed before it began
  return fs.readFileSync(history, 'utf8').match(/^end /gm)?.length ?? 0;
}

/** @param {{ home: string, seed: number, took: number, kills: number, stops: number, hung: string }} run */
function report({ home, ...run }) {
  const history = readHistories(join(home, 'history'));
  return {
    ...run,
    ...figuresOf(history),
    violations: violationsOf(history, readCounters(home, RESOURCES)),
    held: history.ends.filter(({ outcome }) => outcome === 'held').length,
  };
}
