// One document under stress: `npm run test:documents -- [updates] [seed]`. Processes that change it by the rules, which are killed,
// stopped and continued, and two outsiders who take no lock: one replaces the file, one empties and rewrites it. Then it is
// examined whether a confirmed change was lost, a version of an outsider swallowed, or half a version read.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomFrom } from '../fixtures/stress-random.mjs';
import { fixture, Program } from '../support/program.mjs';
import { violationsOf } from './document-history.mjs';

const WORKER = fixture('document-worker.mjs');
const OUTSIDER = fixture('document-outsider.mjs');
const LATER = fixture('document-later.mjs');
const HANGING = 120_000;
const SHORTEST_STOP = 200;

/**
 * @typedef {{ seed: number, processes: number, updates: number, kills: number, stops: number, longestStop?: number, pause?: number, outsiders?: boolean, parent?: string }} Options
 * `kills`, `stops`: about how many in all, and one at least. `longestStop`, and the longest `pause` of an outsider: in milliseconds. @typedef {Awaited<ReturnType<typeof documents>>} Report
 */

/** @param {Options} options */
export async function documents({ parent = tmpdir(), ...options }) {
  const home = fs.realpathSync(fs.mkdtempSync(join(parent, 'holdfast-documents-')));
  const path = join(home, 'ledger.json');
  fs.writeFileSync(path, '{ "count": 0, "ledger": [], "end": "end" }\n');
  const crew = new Crew(path, options);
  try {
    await crew.finish();
    await crew.quiet();
    const leftovers = await lastSave(path);
    const { ledger } = JSON.parse(fs.readFileSync(path, 'utf8'));
    const violations = violationsOf({ ...crew.history, final: ledger, beside: idsBeside(path) });
    return { ...options, ...crew.figures(), violations: { ...violations, leftovers }, home };
  } finally {
    crew.end();
    fs.rmSync(home, { recursive: true, force: true });
  }
}

/** One more change by the rules, an hour later, which sweeps what the killed ones left; returns what is left all the same. @param {string} path */
async function lastSave(path) {
  const { code, stderr } = await new Program(process.execPath, [LATER, path, `${90 * 60_000}`]).ended;
  if (code !== 0) throw new Error(stderr);
  return fs.readdirSync(join(path, '..')).filter((name) => name.endsWith('.tmp'));
}

/** All ids in the files beside the document. @param {string} path */
function idsBeside(path) {
  const names = fs.readdirSync(join(path, '..')).filter((name) => /\.(bak|conflict|corrupt)$/.test(name));
  const texts = names.map((name) => fs.readFileSync(join(path, '..', name), 'utf8'));
  return new Set(texts.flatMap((text) => [...text.matchAll(/"(\w+\.[\d.]+)"/g)].map(([, id = '']) => id)));
}

/** The processes of a run, what befalls them, and what they say. */
class Crew {
  history = {
    confirmed: new Map(),
    refused: new Map(),
    landed: new Set(),
    destroyed: new Set(),
    torn: /** @type {string[]} */ ([]),
  };
  #path;
  #options;
  #random;
  /** @type {Map<string, Program>} */
  #running = new Map();
  /** @type {Program[]} */
  #outsiders = [];
  /** @type {Set<NodeJS.Timeout>} */
  #resumptions = new Set();
  /** @type {number[]} */
  #waits = [];
  #counts = { kills: 0, stops: 0, astray: 0, lives: 0, timeouts: 0 };
  #hung = '';
  #isOver = false;

  /** @param {string} path @param {Options} options */
  constructor(path, options) {
    this.#path = path;
    this.#options = options;
    this.#random = randomFrom(options.seed);
  }

  /** Resolves when all have done their share, the killed ones by their successors. */
  async finish() {
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    let heard = this.#signs;
    const hanging = new Promise((resolve) => {
      timer = setInterval(() => {
        if (heard === this.#signs) resolve('hung');
        heard = this.#signs;
      }, HANGING);
    });
    const { processes, outsiders = true } = this.#options;
    if (outsiders) await Promise.all(['replace', 'rewrite'].map((how) => this.#outsider(how)));
    const shares = Array.from({ length: processes }, (_, slot) => this.#share(slot));
    const end = await Promise.race([hanging, Promise.all(shares)]);
    clearInterval(timer);
    if (end === 'hung') this.#hung = `${[...this.#running.keys()].join(', ')} never finished`;
  }
  #signs = 0;

  /** Resolves when the outsiders have written their last. */
  async quiet() {
    for (const outsider of this.#outsiders) outsider.say('stop');
    for (const { stderr, code } of await Promise.all(this.#outsiders.map(({ ended }) => ended))) {
      if (code !== 0) throw new Error(`An outsider ended with ${code}: ${stderr}`);
    }
  }

  /** @param {number} slot */
  async #share(slot) {
    let left = this.#options.updates;
    for (let life = 0; left > 0 && !this.#isOver; life++) left -= await this.#life(`w${slot}.${life}`, left);
  }

  /** How many changes it was told of. @param {string} worker @param {number} updates */
  async #life(worker, updates) {
    this.#counts.lives++;
    let told = 0;
    const seed = Math.floor(this.#random() * 2 ** 32);
    const program = this.#start(WORKER, { path: this.#path, worker, updates, seed }, (kind, words) => {
      if (kind === 'granted') this.#waits.push(Number(words[0]));
      if (kind === 'torn') this.history.torn.push(`${worker}: ${words.join(' ')}`);
      if (kind === 'confirmed') for (const id of words) this.history.confirmed.set(id, worker);
      const [code, ...ids] = words;
      if (kind === 'refused') for (const id of ids) this.history.refused.set(id, code);
      if (kind === 'refused' && code === 'HOLDFAST_TIMEOUT') this.#counts.timeouts++;
      if (kind === 'confirmed') told += words.length;
      if (kind === 'confirmed' || kind === 'refused') this.#disturb();
    });
    this.#running.set(worker, program);
    const { code, signal, stderr } = await program.ended;
    this.#running.delete(worker);
    if (code !== 0 && signal !== 'SIGKILL')
      throw new Error(`${worker} ended with ${signal ?? code}: ${stderr}`);
    return told;
  }

  /** Resolves when it has written for the first time. @param {string} how */
  async #outsider(how) {
    const { landed, destroyed } = this.history;
    const { seed, pause = 500 } = this.#options;
    const task = {
      path: this.#path,
      pause,
      seed,
      worker: how,
      how,
      turn: join(this.#path, '../outsiders'),
    };
    const program = this.#start(OUTSIDER, task, (kind, ids) => {
      if (kind === 'astray') this.#counts.astray += ids.length;
      if (kind === 'landed') for (const id of ids) landed.add(id);
      if (kind === 'destroyed') for (const id of ids) destroyed.add(id);
    });
    this.#outsiders.push(program);
    await Promise.race([program.line('landed'), program.line('astray')]);
  }

  /** @param {string} file @param {object} task @param {(kind: string, words: string[]) => void} hear */
  #start(file, task, hear) {
    const program = new Program(process.execPath, [file, JSON.stringify(task)]);
    program.onLine((line) => {
      this.#signs++;
      const [kind = '', ...words] = line.split(' ');
      hear(kind, words);
    });
    program.say('go');
    return program;
  }

  /** Every now and then when somebody gets on: kills somebody, or stops somebody for a while. */
  #disturb() {
    const { processes, updates, kills, stops, longestStop = 2_000 } = this.#options;
    const all = processes * updates;
    const dice = this.#random() * all;
    const victims = [...this.#running.values()];
    const victim = victims[Math.floor(this.#random() * victims.length)];
    if (this.#isOver || victim === undefined) return;
    if (dice < kills || this.#counts.kills === 0) {
      this.#counts.kills += victim.signal('SIGKILL') ? 1 : 0;
    } else if (dice < kills + stops || this.#counts.stops === 0) {
      this.#counts.stops += victim.signal('SIGSTOP') ? 1 : 0;
      const span = SHORTEST_STOP + this.#random() * (longestStop - SHORTEST_STOP);
      const resume = setTimeout(() => {
        victim.signal('SIGCONT');
        this.#resumptions.delete(resume);
      }, span);
      this.#resumptions.add(resume);
    }
  }

  figures() {
    const { confirmed, refused, landed, destroyed } = this.history;
    const codes = Object.fromEntries(
      [...new Set(refused.values())].map((code) => [
        code,
        [...refused.values()].filter((each) => each === code).length,
      ]),
    );
    const waits = this.#waits.toSorted((a, b) => a - b);
    const grants = waits.length;
    return {
      ...this.#counts,
      hung: this.#hung,
      confirmed: confirmed.size,
      refused: codes,
      landed: landed.size,
      destroyed: destroyed.size,
      granted: grants / (grants + this.#counts.timeouts),
      meanWait: waits.reduce((sum, wait) => sum + wait, 0) / grants,
      longestWait: waits.at(-1) ?? 0,
    };
  }

  end() {
    this.#isOver = true;
    for (const resume of this.#resumptions) clearTimeout(resume);
    for (const program of [...this.#running.values(), ...this.#outsiders]) program.signal('SIGKILL');
  }
}

/** @param {Report} report */
export function summary(report) {
  const { seed, confirmed, lives, kills, stops, landed, astray, destroyed, granted, meanWait, longestWait } =
    report;
  return (
    `documents seed ${seed}: ${confirmed} changes confirmed by ${lives} processes, ${kills} killed, ${stops} stopped, refused ` +
    `${JSON.stringify(report.refused)}; outsiders: ${landed} versions, ${astray} astray, ${destroyed} changes overwritten; locks ` +
    `${(100 * granted).toFixed(2)} % in time, wait mean ${meanWait.toFixed(0)} ms max ${longestWait} ms`
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [updates = '200', seed] = process.argv.slice(2);
  const started = performance.now();
  const report = await documents({
    ...{ seed: Number(seed ?? Math.floor(Math.random() * 2 ** 31)), processes: 16, updates: Number(updates) },
    ...{ kills: (16 * Number(updates)) / 40, stops: (16 * Number(updates)) / 25 },
  });
  const violations = Object.entries(report.violations).flatMap(([kind, all]) =>
    all.map((one) => `${kind}: ${one}`),
  );
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${summary(report)}, ${seconds} s: ${violations.length} violations ${report.hung}`);
  for (const violation of violations.slice(0, 50)) console.log(`  ${violation}`);
  const isSlow = report.granted <= 0.95 || report.meanWait >= 500;
  if (isSlow) console.log('  fewer locks in time than 95 of 100, or a mean wait of half a second');
  process.exitCode = violations.length > 0 || report.hung !== '' || isSlow ? 1 : 0;
}
