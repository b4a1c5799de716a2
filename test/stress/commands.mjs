// Commands that run once, under stress: `npm run test:commands -- [seconds] [seed]`. Twenty starters in every way there is,
// while runners and commands are killed and stopped, readers leave, runs are stopped, and the disk is full now and then.
// Then it is examined what each of them got, what was run, and what is left.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { randomFrom } from '../fixtures/stress-random.mjs';
import { fixture, Program } from '../support/program.mjs';
import { problemsOf } from './commands-history.mjs';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const WORK = fixture('once-work.sh');
const IDS = ['build', 'fetch', 'index', 'report'];
/** Calls that get the outcome of a round until the next one begins. */
const ROUND = 12;
/** Milliseconds after which a call never ends, and a process never goes. */
const HANGING = 120_000;
const TERMS = ['--failure-ttl', '1h', '--grace', '300ms'];

/**
 * @typedef {object} Options
 * @property {number} seed
 * @property {number} [seconds] how long it goes on at least
 * @property {number} [calls] how many calls there are at least
 * @property {number} [starters]
 *
 * @typedef {Awaited<ReturnType<typeof commands>>} Report
 *
 * @typedef {object} Call one that has ended
 * @property {string} id
 * @property {number} round
 * @property {number} lines how many its command prints
 * @property {string} way
 * @property {number | null} code
 * @property {NodeJS.Signals | null} signal
 * @property {string} stdout
 * @property {string} stderr
 * @property {number} at when it ended, wall clock
 */

/** @param {Options} options */
export async function commands(options) {
  const home = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'holdfast-commands-')));
  const disk = join(home, 'disk');
  fs.mkdirSync(disk);
  fs.copyFileSync(WORK, join(home, 'work.sh'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'holdfast-test', disk]);
  const world = new World(home, disk, options);
  try {
    await world.run();
    const left = await world.end();
    const problems = problemsOf(world.calls, home);
    return { ...options, ...world.figures, violations: { ...problems, hung: world.hung, left } };
  } finally {
    world.killAll();
    execFileSync('umount', ['--lazy', disk]);
    fs.rmSync(home, { recursive: true, force: true });
  }
}

/** @typedef {{ round: number, got: number }} Turn */

class World {
  /** @type {Call[]} */
  calls = [];
  /** @type {string[]} */
  hung = [];
  /** @type {Record<string, number>} */
  deeds = {};
  #home;
  #disk;
  #options;
  #random;
  #env;
  #isOver = false;
  /** @type {Map<string, Turn>} */
  #turns = new Map(IDS.map((id) => [id, { round: 0, got: 0 }]));
  /** @type {Set<number>} */
  #stopped = new Set();

  /** @param {string} home @param {string} disk @param {Options} options */
  constructor(home, disk, options) {
    this.#home = home;
    this.#disk = disk;
    this.#options = options;
    this.#random = randomFrom(options.seed);
    this.#env = { HOLDFAST_HOME: join(disk, 'home'), HOLDFAST_HELD: undefined, HOLDFAST_AUDIT: 'off' };
  }

  get figures() {
    const rounds = [...this.#turns.values()].reduce((sum, { round }) => sum + round, 0);
    /** @type {Record<string, number>} */
    const ends = {};
    for (const { code, signal } of this.calls)
      ends[code ?? String(signal)] = (ends[code ?? String(signal)] ?? 0) + 1;
    return { calls: this.calls.length, rounds, ends, deeds: this.deeds };
  }

  async run() {
    const { seconds = 0, calls = 0, starters = 20 } = this.#options;
    const until = performance.now() + seconds * 1_000;
    const slots = Promise.all(Array.from({ length: starters }, () => this.#slot()));
    while (performance.now() < until || this.calls.length < calls) {
      await setTimeout(100 + this.#random() * 300);
      await this.#disturb();
      if (this.hung.length > 0) break;
    }
    this.#isOver = true;
    await slots;
  }

  async #slot() {
    while (!this.#isOver) await this.#call();
  }

  /** @template T @param {readonly T[]} all @returns {T} */
  #any(all) {
    return /** @type {T} */ (all[Math.floor(this.#random() * all.length)]);
  }

  async #call() {
    const id = this.#any(IDS);
    const turn = /** @type {Turn} */ (this.#turns.get(id));
    const { round } = turn;
    const lines = round % 4 === 3 ? 3_000 : 20 + ((round * 37) % 150);
    const work = round % 5 === 4 ? 'fails' : round % 3 === 1 ? 'late' : 'plain';
    const words = ['sh', join(this.#home, 'work.sh'), this.#home, id, String(round), String(lines), work];
    const way = this.#any(WAYS);
    const command = way.isBare ? [] : ['--', ...words];
    const program = this.#start(['once', ...TERMS.filter(() => !way.isBare), ...way.flags, id, ...command]);
    if (way.leaves) program.process.stdout?.once('data', () => program.process.stdout?.destroy());
    if (way.ends !== undefined)
      void setTimeout(this.#random() * 700).then(() =>
        program.signal(/** @type {NodeJS.Signals} */ (way.ends)),
      );
    const ended = await Promise.race([program.ended, setTimeout(HANGING, undefined, { ref: false })]);
    if (ended === undefined) {
      this.hung.push(`${way.flags.join(' ')} ${id} round ${round} (pid ${program.pid})`);
      return;
    }
    const isOutcome = ended.code === 0 || ended.code === 3;
    if (isOutcome && !way.isBare && way.flags[0] !== '--detach' && ++turn.got >= ROUND) {
      if (turn.round === round) Object.assign(turn, { round: round + 1, got: 0 });
    }
    this.calls.push({ id, round, lines, way: way.name, ...ended, at: Date.now() });
  }

  /** @param {readonly string[]} args */
  #start(args) {
    return new Program(process.execPath, [MAIN, ...args], { env: this.#env, cwd: this.#disk });
  }

  async #disturb() {
    const [name, deed] = this.#any(DEEDS);
    this.deeds[name] = (this.deeds[name] ?? 0) + 1;
    if (name === 'full disk') return this.#fill();
    const id = this.#any(IDS);
    if (name === 'stop') {
      const { code, stderr } = await this.#start(['once', '--stop', id]).ended;
      if (code !== 0 && code !== 1) this.hung.push(`--stop ${id} ended with ${code}: ${stderr}`);
      return;
    }
    const run = this.#runs().find((each) => each.key === id);
    if (run !== undefined) deed(this, run.by.pid, run.task?.child?.pid);
  }

  /** What is on record as being under way. @returns {{ key: string, by: { pid: number }, task?: { child?: { pid: number } } }[]} */
  #runs() {
    const records = join(this.#disk, 'home', 'once');
    if (!fs.existsSync(records)) return [];
    return fs.readdirSync(records).flatMap((name) => {
      try {
        return [JSON.parse(fs.readFileSync(join(records, name, 'current'), 'utf8'))];
      } catch {
        return []; // none, or of a full disk
      }
    });
  }

  /** @param {number | undefined} pid @param {NodeJS.Signals} signal @param {'process' | 'group'} [to] */
  send(pid, signal, to = 'process') {
    if (pid === undefined || !this.#isOurs(pid)) return;
    try {
      process.kill(to === 'group' ? -pid : pid, signal);
    } catch {
      // It has ended.
    }
  }

  /** @param {number | undefined} pid @param {number} longest @param {'process' | 'group'} [to] */
  async suspend(pid, longest, to) {
    if (pid === undefined || this.#stopped.has(pid)) return;
    this.#stopped.add(pid);
    this.send(pid, 'SIGSTOP', to);
    await setTimeout(this.#random() * longest);
    this.send(pid, 'SIGCONT', to);
    this.#stopped.delete(pid);
  }

  async #fill() {
    const filler = join(this.#disk, 'filler');
    const fd = fs.openSync(filler, 'w');
    try {
      for (;;) fs.writeSync(fd, Buffer.alloc(4_096));
    } catch {
      await setTimeout(this.#random() * 1_500);
    } finally {
      fs.closeSync(fd);
      fs.rmSync(filler);
    }
  }

  /** @param {number} pid */
  #isOurs(pid) {
    try {
      return fs.readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`HOLDFAST_HOME=${this.#disk}`);
    } catch {
      return false;
    }
  }

  #processes() {
    return fs
      .readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && this.#isOurs(pid));
  }

  /** Ends all that is under way; what is left all the same. @returns {Promise<string[]>} */
  async end() {
    const { code, stderr } = await this.#start(['once', 'clean', '--all', '--stop']).ended;
    const complaints = code === 0 ? [] : [`clean ended with ${code}: ${stderr}`];
    const until = performance.now() + HANGING;
    while (this.#processes().length > 0 && performance.now() < until) await setTimeout(20);
    const processes = this.#processes().map((pid) =>
      fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' '),
    );
    return [...complaints, ...processes, ...fs.readdirSync(join(this.#disk, 'home', 'once'))];
  }

  killAll() {
    for (const pid of this.#processes()) this.send(pid, 'SIGKILL');
  }
}

/** How a command is called: flags, whether without a command, whether its reader leaves, by which signal it is ended. */
const WAYS = Object.entries({
  here: { flags: [], weight: 7 },
  'here, whole': { flags: ['--complete'], weight: 1 },
  'here, reader leaves': { flags: [], leaves: true, weight: 2 },
  'here, ended': { flags: [], ends: 'SIGTERM', weight: 1 },
  waits: { flags: ['--wait'], weight: 3 },
  'waits, killed': { flags: ['--wait'], ends: 'SIGKILL', weight: 1 },
  follows: { flags: ['--follow'], weight: 3 },
  'follows, reader leaves': { flags: ['--follow'], leaves: true, weight: 1 },
  'follows, killed': { flags: ['--follow'], ends: 'SIGKILL', weight: 1 },
  background: { flags: ['--detach'], weight: 1 },
  'follows whatever runs': { flags: ['--follow'], isBare: true, weight: 1 },
}).flatMap(([name, { weight, ...way }]) => {
  const all = { name, leaves: false, isBare: false, ends: undefined, ...way };
  return Array.from({ length: weight }, () => all);
});

/** What befalls a run. @type {[string, (world: World, runner: number, command: number | undefined) => void][]} */
const DEEDS = [
  ['runner killed', (world, runner) => world.send(runner, 'SIGKILL')],
  [
    'both killed',
    (world, runner, command) => {
      world.send(runner, 'SIGKILL');
      world.send(command, 'SIGKILL', 'group');
    },
  ],
  ['command killed', (world, _, command) => world.send(command, 'SIGKILL', 'group')],
  ['runner ended', (world, runner) => world.send(runner, 'SIGTERM')],
  ['runner suspended', (world, runner) => void world.suspend(runner, 3_000)],
  ['command suspended', (world, _, command) => void world.suspend(command, 800, 'group')],
  ['stop', () => {}],
  ['full disk', () => {}],
];

/** @param {Report} report */
export function summary({ seed, calls, rounds, ends, deeds }) {
  const listed = (/** @type {Record<string, number>} */ all) =>
    Object.entries(all)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  return `commands seed ${seed}: ${calls} calls in ${rounds} rounds ended by ${listed(ends)}; ${listed(deeds)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [seconds = '60', seed] = process.argv.slice(2);
  const report = await commands({
    seconds: Number(seconds),
    seed: Number(seed ?? Math.floor(Math.random() * 2 ** 31)),
  });
  const violations = Object.entries(report.violations).flatMap(([kind, all]) =>
    all.map((one) => `${kind}: ${one}`),
  );
  console.log(`${summary(report)}: ${violations.length} violations`);
  for (const violation of violations.slice(0, 50)) console.log(`  ${violation}`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
