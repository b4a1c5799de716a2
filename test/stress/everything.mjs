// Everything at once: `npm run test:everything -- [seconds] [seed] [--engine kernel|portable]`; without an engine, one run
// for each. Exclusive and shared locks, permits, upgrades and downgrades, time-outs, aborts by timers and from inside
// listeners, worker threads, nested runs, by the processes of two users (as root; else of one), which are killed, stopped
// and continued. Then everything they wrote down is examined, and what they left. Fails if anything is wrong.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LockManager } from 'holdfast';
import { Region } from '../fixtures/stress-region.mjs';
import { asUser, fixture, Program } from '../support/program.mjs';
import { figuresOf, readCounters, readHistories, violationsOf } from './history.mjs';
import { HANGING, heldBy, Rack } from './rack.mjs';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const USERS = [65534, 61234];
const TEAM = 61999; // the group of both
const PERMITS = 2;
const KINDS = /** @type {const} */ (['threads', 'nest', 'lanes', 'alone', 'lanes', 'alone']);
const NESTED = 'delta';
const LONGEST_DEATH = 10_000;
/** Nested runs are six programs, one inside the other, that have to start and end beside all others. */
const LONGEST_END = 3 * HANGING;
/** Nobody's time is up before the run counts as hanging. */
const PATIENCE = 10 * HANGING;

/** What stays, by what is documented: the data, lock files and the places of permits; or the counter of a portable lock. */
const STAYS = {
  kernel: /^(\w+|\.\w+\.lock(\.nested)*|\.\w+\.lock\.permits)$/,
  portable: /^(\w+|\.\w+\.lock(\.nested)*\.queue(\/token)?)$/,
};

/**
 * @typedef {'kernel' | 'portable'} EngineName
 * @typedef {{ engine: EngineName, seed: number, seconds?: number, attempts?: number, processes?: number, keeps?: boolean }} Options
 * @typedef {Record<string, import('../fixtures/everything-lane.mjs').Resource>} Resources
 * @typedef {Awaited<ReturnType<typeof everything>>} Report
 */

/**
 * Goes on for so long, and until all together have tried so often. `keeps`: leaves what was written down if anything is wrong.
 *
 * @param {Options} options
 */
export async function everything({ engine, seed, seconds = 0, attempts = 0, processes = 12, keeps = false }) {
  const home = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'holdfast-everything-')));
  const users = process.getuid?.() === 0 ? USERS : [];
  const resources = prepare(home, engine, users.length > 0);
  const names = Object.keys(resources);
  const shared = { home, engine, resources, nested: NESTED, patience: LONGEST_DEATH, timeout: PATIENCE };
  const lockFiles = lockFilesOf(resources);
  const rack = new Rack({
    ...{ seed, seconds, attempts, hanging: LONGEST_END },
    // Who is stopped in the very instant of taking a portable lock, or of giving it back, keeps out all others meanwhile.
    stops: engine === 'kernel' ? 'long' : 'bounded',
    start: (worker, slot, own) => start({ ...shared, worker, seed: own }, slot, users),
    inside: () => Region.markersIn(home, names),
    heldBy: (pid) => heldBy(pid, lockFiles),
  });
  let isWell = false;
  try {
    await rack.finish(processes);
    if (rack.hung !== '') endAllOf(home); // so that nobody writes any more
    const history = readHistories(join(home, 'history'));
    const violations = {
      ...violationsOf(history, readCounters(home, names)),
      leftovers: rack.hung === '' ? leftovers(home, engine, resources) : [],
    };
    isWell = rack.hung === '' && Object.values(violations).flat().length === 0;
    const ways = countBy(history.ends.map(({ way, outcome }) => `${way} ${outcome}`));
    const holds = history.holds.length;
    return {
      engine,
      seed,
      users: Math.max(1, users.length),
      ...rack.figures,
      ...figuresOf(history),
      holds,
      ways,
      violations,
    };
  } finally {
    rack.end();
    endAllOf(home);
    if (isWell || !keeps) fs.rmSync(home, { recursive: true, force: true });
    else console.log(`what was written down is in ${home}`);
  }
}

/** A directory of a team and one that is open to all. @param {string} home @param {EngineName} engine @param {boolean} forTwo @returns {Resources} */
function prepare(home, engine, forTwo) {
  fs.chmodSync(home, 0o755);
  const [team, open, history] = ['team', 'open', 'history'].map((name) => join(home, name));
  /** @type {Resources} */
  const resources = {
    alpha: { file: `${team}/alpha` },
    beta: { file: `${open}/beta`, mayBeRefused: forTwo && engine === 'portable' },
    gamma: { file: `${team}/gamma`, permits: PERMITS },
    [NESTED]: { file: `${team}/${NESTED}` },
  };
  for (const path of [team, open, history]) fs.mkdirSync(String(path));
  const names = Object.keys(resources);
  for (const name of names) Region.make(join(home, name));
  for (const { file } of Object.values(resources)) fs.writeFileSync(file, '');
  if (!forTwo) return resources;
  const shared = [String(team), ...names.flatMap((name) => [join(home, name), join(home, name, 'inside')])];
  for (const path of shared) {
    fs.chownSync(path, 0, TEAM);
    fs.chmodSync(path, 0o2775);
  }
  for (const path of [open, history]) fs.chmodSync(String(path), 0o1777);
  fs.chmodSync(`${open}/beta`, 0o666);
  return resources;
}

/** @param {Omit<import('../fixtures/everything-lane.mjs').Task, 'kind'>} task @param {number} slot @param {readonly number[]} users */
function start(task, slot, users) {
  const kind = KINDS[slot % KINDS.length];
  const program = fixture(kind === 'nest' ? 'everything-nest.mjs' : 'everything-worker.mjs');
  // Of each kind there is one by each user.
  const uid = users[(slot + Math.floor(slot / KINDS.length)) % users.length];
  const through = uid === undefined ? [] : asUser(uid, [TEAM]);
  const words = [...through, process.execPath, program, JSON.stringify({ ...task, kind })];
  const env = { HOLDFAST_HOME: join(task.home, 'state'), HOLDFAST_HELD: undefined };
  return new Program(String(words[0]), words.slice(1), { env });
}

/** @param {Resources} resources */
function lockFilesOf(resources) {
  const locks = new LockManager();
  return Object.fromEntries(
    Object.entries(resources).map(([name, { file }]) => [name, locks.pathOf({ file })]),
  );
}

/** What is left of locks that does not stay, once each was taken one last time. @param {string} home @param {EngineName} engine @param {Resources} resources */
function leftovers(home, engine, resources) {
  // All have ended, so what was cut short before it said whose it is is nobody's.
  const locks = new LockManager({ engine, staleAfter: 1 });
  for (const { file, permits } of Object.values(resources)) {
    const how = permits === undefined ? /** @type {const} */ ({ mode: 'shared' }) : { permits };
    void locks.acquireSync({ file }, how).release();
    void locks.acquireSync({ file }).release();
  }
  const run = [
    process.execPath,
    MAIN,
    'run',
    '--engine',
    engine,
    '--file',
    String(resources[NESTED]?.file),
    '--',
  ];
  const [command = '', ...words] = [...run, ...run, 'true'];
  const env = { ...process.env, HOLDFAST_HELD: undefined, HOLDFAST_STALE_AFTER: '1ms' };
  const { status, stderr } = spawnSync(command, words, { encoding: 'utf8', env });
  const left = ['team', 'open'].flatMap((name) => filesBelow(join(home, name)));
  return [
    ...left.filter((name) => !STAYS[engine].test(name)),
    ...(status === 0 ? [] : [`the last nested run ended with ${status}: ${stderr}`]),
  ];
}

/** @param {string} directory */
function filesBelow(directory) {
  return fs
    .readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => relative(directory, join(directory, name)));
}

/** Ends what is left of a run that hung: those whose command names its directory. @param {string} home */
function endAllOf(home) {
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(home))
        process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}

/** @param {readonly string[]} all @returns {Record<string, number>} */
function countBy(all) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const one of [...all].sort()) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
}

/** @param {Report} report */
export function summary(report) {
  const { engine, seed, users, attempts, holds, lives, kills, stops, recovered, timeouts } = report;
  return (
    `everything, ${engine} engine, seed ${seed}, ${users} user${users === 1 ? '' : 's'}: ${attempts} attempts, ${holds} holds, ` +
    `${lives} processes, ${kills} killed, ${stops} stopped, ${recovered} recovered, ${timeouts} timeouts, ` +
    `wait mean ${Math.round(report.meanWait)} ms max ${Math.round(report.maximumWait)} ms`
  );
}

/** @param {Options} options */
async function runByHand(options) {
  const report = await everything({ ...options, keeps: true });
  const violations = Object.entries(report.violations).flatMap(([kind, all]) =>
    all.map((one) => `${kind}: ${one}`),
  );
  console.log(`${summary(report)}: ${violations.length} violations ${report.hung}`);
  console.log(
    `  ${Object.entries(report.ways)
      .map(([way, count]) => `${way} ${count}`)
      .join(', ')}`,
  );
  if (report.users === 1) console.log('  all by one user: who is not root cannot be two');
  for (const violation of violations.slice(0, 50)) console.log(`  ${violation}`);
  if (violations.length > 0 || report.hung !== '') process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    options: { engine: { type: 'string' } },
    allowPositionals: true,
  });
  const [seconds = '60', seed = String(Math.floor(Math.random() * 2 ** 31))] = positionals;
  const engines = /** @type {EngineName[]} */ (
    values.engine === undefined ? ['kernel', 'portable'] : [values.engine]
  );
  for (const engine of engines) await runByHand({ engine, seconds: Number(seconds), seed: Number(seed) });
}
