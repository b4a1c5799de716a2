// Checks the models in docs/model with spin. Each has runs that must pass, and deliberately broken variants that must
// fail, so that a model that cannot find an error does not go for a proof.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const models = fileURLToPath(new URL('../docs/model/', import.meta.url));
const DEEPEST = 100_000;
const LIMIT_MS = 300_000;
/** The models whose search takes so long that compiling them better pays; the others compile longer than they run. */
const LARGE = ['queue'];

/**
 * @typedef {object} Run
 * @property {string} model
 * @property {readonly string[]} [defines] `NAME` or `NAME=value`
 * @property {string} [ltl] the formula to check under weak fairness; assertions and invalid end states otherwise
 * @property {string} [broken] what was broken; the run must then find an error
 */

const short = ['PROCESSES=2', 'STRANGER'];
const stops = [...short, 'STOPS', 'CRASHES=0', 'CANCELS=0'];

/** @type {readonly Run[]} */
const runs = [
  { model: 'claim' },
  { model: 'claim', defines: ['PROCESSES=4'] },
  { model: 'claim', defines: ['CRASHES=3'] },
  { model: 'claim', ltl: 'passed' },
  { model: 'claim', ltl: 'progress' },
  { model: 'claim', defines: ['CRASHES=1', 'ABANDONS=1'] },
  { model: 'claim', defines: ['PROCESSES=2', 'ABANDONS=2'] },
  {
    model: 'claim',
    defines: ['OWNER_LOOKS', 'ABANDONS=1'],
    broken: 'an owner looks, then unlinks its claim',
  },
  { model: 'claim', defines: ['NO_SECOND_READ'], broken: 'a breaker does not look again' },
  { model: 'claim', defines: ['STAT_UNLINK'], broken: 'stale claims are looked at, then unlinked' },
  { model: 'claim', defines: ['BREAKS_BY_AGE'], broken: 'claims are taken over for their age' },
  { model: 'claim', defines: ['UNGUARDED_SECOND_BREAK'], broken: 'dead break claims are just unlinked' },
  { model: 'claim', defines: ['BREAK_CLAIM_FIRST'], broken: 'the break claim goes before the dead one' },
  { model: 'claim', defines: ['NO_SECOND_BREAK'], ltl: 'passed', broken: 'dead break claims stay' },
  { model: 'shared' },
  { model: 'shared', defines: ['PROCESSES=4'] },
  { model: 'shared', ltl: 'entered' },
  { model: 'shared', defines: ['STOPS=1'], ltl: 'progress' },
  { model: 'shared', defines: ['CLAIM_LATE'], broken: 'a reader claims after it gave the gate back' },
  {
    model: 'shared',
    defines: ['NO_LOOK_AT_GATE'],
    broken: 'a reader does not look whether the gate is still its own',
  },
  { model: 'shared', defines: ['LOOKS_FIRST'], broken: 'a writer looks before it has the gate' },
  { model: 'shared', defines: ['BELIEVES_LISTINGS'], broken: 'a writer believes an old listing' },
  { model: 'shared', defines: ['KEEPS_DEAD_READERS'], ltl: 'entered', broken: 'dead reader claims stay' },
  { model: 'shared', defines: ['IGNORES_LINE'], ltl: 'entered', broken: 'readers pass a writer that waits' },
  {
    model: 'shared',
    defines: ['STOPS=1', 'KEEPS_GATE'],
    ltl: 'progress',
    broken: 'a writer keeps the gate while it waits for readers',
  },
  {
    model: 'shared',
    defines: ['STOPS=1', 'KEEPS_STOPPED_READERS'],
    ltl: 'progress',
    broken: 'nobody passes a reader that is stopped at the gate',
  },
  { model: 'nested' },
  { model: 'nested', defines: ['CONTENDERS=1', 'NESTED=3'] },
  { model: 'nested', defines: ['PERMIT'] },
  { model: 'nested', defines: ['PERMIT', 'CONTENDERS=1', 'NESTED=3'] },
  { model: 'nested', defines: ['UPGRADES', 'NESTED=1'] },
  { model: 'nested', defines: ['UPGRADES', 'CONTENDERS=1'] },
  { model: 'nested', defines: ['READ_ONLY'] },
  { model: 'nested', defines: ['READ_ONLY', 'UPGRADES', 'NESTED=1'] },
  {
    model: 'nested',
    defines: ['UPGRADES', 'NESTED=1', 'UPGRADES_PAST_NESTED'],
    broken: 'an upgrade does not look whether a nested one is at work',
  },
  {
    model: 'nested',
    defines: ['UPGRADES', 'NESTED=1', 'SHARERS_OPEN'],
    broken: 'who shares the lock says that there is no nested one',
  },
  {
    model: 'nested',
    defines: ['READ_ONLY', 'LETS_GO'],
    broken: 'who cannot close the lock gives the nested one back',
  },
  {
    model: 'nested',
    defines: ['PERMIT', 'LOOKS_FIRST'],
    broken: 'the holder of a permit looks before it closes its slot',
  },
  { model: 'nested', defines: ['LOOKS_FIRST'], broken: 'the outer holder looks before it clears its record' },
  { model: 'nested', defines: ['CLOSES_LATE'], broken: 'whoever comes next looks before it closes the lock' },
  { model: 'nested', defines: ['LEAVES_OPEN'], broken: 'whoever comes next does not close the lock' },
  { model: 'nested', defines: ['LOOKS_AT_OUTER_FIRST'], broken: 'a nested one looks before it has its lock' },
  { model: 'handover' },
  { model: 'handover', defines: ['WITHOUT_RIGHT'], broken: 'the path is passed on without the right to it' },
  { model: 'handover', defines: ['IGNORES_READERS'], broken: 'the path is passed on beside readers' },
  { model: 'handover', defines: ['FREES_FIRST'], broken: 'the claim goes before the lock file comes' },
  { model: 'queue' },
  { model: 'queue', defines: short },
  { model: 'queue', defines: stops },
  { model: 'queue', defines: [...short, 'WATCH_LATE'], broken: 'the head tries, then watches' },
  {
    model: 'queue',
    defines: [...short, 'NO_LAST_LOOK'],
    broken: 'a ticket is watched and not looked at again',
  },
  { model: 'queue', defines: [...short, 'NO_RETRIES'], broken: 'one look after a hint, not several' },
  { model: 'queue', defines: [...short, 'REAP_UNLOCKED'], broken: 'dead tickets are unlinked unlocked' },
  { model: 'queue', defines: [...short, 'NO_LINK_COUNT'], broken: 'a new ticket may have been removed' },
  { model: 'queue', defines: [...stops, 'NO_BACKSTOP_FOR_STOPPED'], broken: 'nobody passes a stopped head' },
];

/** @param {string} command @param {readonly string[]} args @param {string} cwd */
async function tool(command, args, cwd) {
  const { stdout } = await promisify(execFile)(command, args, { cwd, timeout: LIMIT_MS });
  return stdout;
}

/** @param {Run} run @param {string} directory */
async function verify({ model, defines = [], ltl }, directory) {
  const flags = defines.map((name) => `-D${name}`);
  await tool('spin', [...flags, '-a', join(models, `${model}.pml`)], directory);
  const goal = ltl === undefined ? ['-DSAFETY', '-DNOCLAIM'] : ['-DNFAIR=4'];
  const speed = LARGE.includes(model) ? '-O1' : '-O0';
  await tool('gcc', ['-w', speed, '-DCOLLAPSE', ...goal, '-o', 'pan', 'pan.c'], directory);
  const search = ltl === undefined ? [] : ['-a', '-f', '-N', ltl];
  const output = await tool(join(directory, 'pan'), [`-m${DEEPEST}`, ...search], directory);
  const number = (/** @type {RegExp} */ pattern) => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  return {
    errors: number(/errors: (\d+)/),
    states: number(/^ *(\d+) states, stored/m),
    depth: number(/depth reached (\d+)/),
    isWhole: !/max search depth too small|out of memory|Search not completed/.test(output),
    why: /^pan:\d+: (.*?)( \(at depth.*)?$/m.exec(output)?.[1] ?? '',
  };
}

/**
 * What is wrong with a result; undefined when it is as it must be.
 *
 * @param {Run} run @param {Awaited<ReturnType<typeof verify>>} result
 */
function complaint({ broken }, { errors, isWhole, states }) {
  if (Number.isNaN(errors) || Number.isNaN(states)) return 'its result cannot be read';
  if (broken !== undefined) return errors > 0 ? undefined : 'passes, although it is broken';
  if (errors > 0) return 'fails';
  return isWhole ? undefined : 'was not searched to the end';
}

/** @param {Run} run @param {string} directory */
async function check(run, directory) {
  mkdirSync(directory);
  const since = performance.now();
  const result = await verify(run, directory);
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  const problem = complaint(run, result);
  const terms = [run.ltl, ...(run.defines ?? [])].filter((term) => term !== undefined).join(' ');
  const good = run.broken === undefined ? 'holds' : `broken, and found: ${run.broken}`;
  const verdict = problem === undefined ? good : `WRONG: it ${problem} (${result.why})`;
  const cells = [run.model.padEnd(8), terms.padEnd(58), String(result.states).padStart(8)];
  console.log([...cells, String(result.depth).padStart(5), seconds.padStart(7), verdict].join('  '));
  if (problem !== undefined) keepTrail(run, directory);
  return problem === undefined;
}

/** @param {Run} run @param {string} directory */
function keepTrail({ model, defines = [] }, directory) {
  const trail = join(directory, `${model}.pml.trail`);
  if (!existsSync(trail)) return;
  const kept = join(tmpdir(), `holdfast-${model}.trail`);
  cpSync(trail, kept);
  const flags = defines.map((name) => `-D${name}`).join(' ');
  console.error(`The steps that lead there: spin -k ${kept} -t -p ${flags} docs/model/${model}.pml`);
}

const directory = mkdtempSync(join(tmpdir(), 'holdfast-models-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
  process.once(signal, () => process.exit(1));

console.log(`model     ${'terms'.padEnd(58)}    states  depth  seconds  verdict`);
const began = performance.now();
const left = runs.map((run, index) => ({ run, directory: join(directory, String(index)) }));
let wrong = 0;
await Promise.all(
  Array.from({ length: Math.min(2, availableParallelism()) }, async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      if (!(await check(next.run, next.directory))) wrong++;
    }
  }),
);
const total = ((performance.now() - began) / 1000).toFixed(0);
console.log(`check-models: ${runs.length} runs in ${total} s, ${wrong} wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
