// The rack of a torture run: starts its processes, one after the other in each slot, and kills, stops and continues them.
import fs from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { randomFrom } from '../fixtures/stress-random.mjs';

/**
 * How many attempts of all others one that is stopped sits through now and then. Who waits for it instead of passing it
 * attempts nothing more, and soon all do.
 */
const LONG_STOP = 150;
/** The longest stop of those who may be in everybody's way meanwhile, and the longest of most, in milliseconds. */
const BOUNDED_STOP = 2000;
const SHORT_STOP = 60;
export const HANGING = 60_000;

const FAR = 2n ** 63n;
const now = () => process.hrtime.bigint();

/**
 * @typedef {import('../support/program.mjs').Program} Program
 *
 * @typedef {object} Task what a run is made of
 * @property {number} seed
 * @property {number} seconds how long it goes on at least
 * @property {number} attempts how often all together try at least
 * @property {number} [hanging] after how many milliseconds without a sign of anybody a run counts as hanging
 * @property {'none' | 'bounded' | 'long'} stops whether processes are stopped; `bounded`: some of them for as long as two
 * seconds; `long`: until the others got on
 * @property {(worker: string, slot: number, seed: number) => Program} start starts one that says `born`, begins at the line
 * `go`, says a dot for each attempt, and ends after the line `stop`
 * @property {() => readonly string[]} inside the markers of all who are inside a region
 * @property {(pid: number) => readonly string[]} heldBy the resources that a process holds
 */

/** The processes of a run, and what befalls them. */
export class Rack {
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
  /** Whether all may begin, and whether they begin nothing more. @type {'gathering' | 'on' | 'over'} */
  #state = 'gathering';
  #born = 0;
  #attempts = 0;
  /** When somebody was last heard of. */
  #sign = now();
  /** Attempts since somebody was disturbed for the last time. */
  #progress = 0;
  /** @type {Map<string, Program>} */
  #running = new Map();
  /** @type {Set<string>} */
  #stopped = new Set();

  /** @param {Task} task */
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
    this.#state = 'on';
    for (const program of this.#running.values()) program.say('go');
    await Promise.race([slots, this.#disturb(now() + BigInt(Math.round(this.#task.seconds * 1e9)))]);
    this.#state = 'over';
    for (const program of this.#running.values()) program.say('stop');
    this.#sign = now();
    while ((await Promise.race([slots, setTimeout(10, 'going on')])) === 'going on') {
      if (!this.#isHanging) continue;
      this.hung = `${[...this.#running.keys()].join(', ')} never finished`;
      return;
    }
  }

  get #isHanging() {
    return now() - this.#sign > BigInt(this.#task.hanging ?? HANGING) * 1_000_000n;
  }

  /** One process after the other until it is over. @param {number} slot */
  async #slot(slot) {
    for (let life = 0; this.#state !== 'over'; life++) await this.#life(`w${slot}-${life}`, slot);
  }

  /** @param {string} worker @param {number} slot */
  async #life(worker, slot) {
    const program = this.#task.start(worker, slot, Math.floor(this.#random() * 2 ** 32));
    this.#running.set(worker, program);
    if (this.#state === 'on') program.say('go');
    program.process.stdout?.on('data', (text) => {
      const attempts = text.split('.').length - 1;
      this.#sign = now();
      this.#progress += attempts;
      this.#attempts += attempts;
    });
    program.line('born').then(
      () => this.#born++,
      () => {}, // killed before
    );
    void program.exited.then(() => {
      this.#sign = now();
      this.ends.set(worker, now());
      this.#running.delete(worker);
    });
    const { code, signal, stderr } = await program.ended;
    if (code !== 0 && signal !== 'SIGKILL')
      throw new Error(`${worker} ended with ${signal ?? code}: ${stderr}`);
  }

  /** Every now and then when they get on: kills somebody, or stops somebody for a while. @param {bigint} until */
  async #disturb(until) {
    while (now() < until || (this.#attempts < this.#task.attempts && !this.#isHanging)) {
      await setTimeout(this.#random() * 60);
      if (this.#progress < 8) continue;
      this.#progress = 0;
      const all = [...this.#running.keys()].filter((worker) => !this.#stopped.has(worker));
      const victim = this.#inside() ?? all[Math.floor(this.#random() * all.length)];
      if (victim === undefined || this.#stopped.has(victim)) continue;
      const toKill = this.kills === 0 || this.#random() < 0.1;
      const toStop = this.stops.size === 0 || this.#random() < 0.4;
      if (toKill) this.kills += this.#running.get(victim)?.signal('SIGKILL') ? 1 : 0;
      else if (toStop && this.#task.stops !== 'none') void this.#stop(victim);
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
    const held = this.#task.heldBy(pid).map((resource) => {
      const stay = { from: span.from, to: FAR, hold: `${worker} (stopped)`, worker, resource };
      this.unwritten.push(stay);
      return stay;
    });
    const isShort = this.#random() < 0.9;
    const isInTheWay = held.length > 0 || this.#isInside(program);
    if (isShort || (isInTheWay && this.#task.stops === 'long')) await setTimeout(this.#random() * SHORT_STOP);
    else if (this.#task.stops === 'bounded') await setTimeout(200 + this.#random() * (BOUNDED_STOP - 200));
    else await this.#untilPassed(worker);
    program?.signal('SIGCONT');
    span.to = now();
    for (const stay of held) stay.to = span.to;
    this.#stopped.delete(worker);
  }

  /** @param {string} worker */
  async #untilPassed(worker) {
    const enough = this.#attempts + LONG_STOP;
    while (this.#attempts < enough && this.#state !== 'over') {
      if (this.#isHanging) this.hung = `nobody got past ${worker}, which was stopped`;
      if (this.hung !== '') return;
      await setTimeout(10);
    }
  }

  /** Now and then: somebody who seems to be inside just now. */
  #inside() {
    if (this.#random() < 0.8) return undefined;
    return [...this.#running].find(([, program]) => this.#isInside(program))?.[0];
  }

  /** @param {Program | undefined} program */
  #isInside(program) {
    return this.#task.inside().some((marker) => marker.split('-')[1] === String(program?.pid));
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

/** The resources whose lock the kernel says that a process took. @param {number} pid @param {Readonly<Record<string, string>>} lockFiles */
export function heldBy(pid, lockFiles) {
  const table = fs.readFileSync('/proc/locks', 'latin1');
  return Object.keys(lockFiles).filter((name) => {
    const inode = fs.statSync(/** @type {string} */ (lockFiles[name]), { throwIfNoEntry: false })?.ino;
    return new RegExp(`FLOCK .* ${pid} [0-9a-f]+:[0-9a-f]+:${inode} `).test(table);
  });
}
