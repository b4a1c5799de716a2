// What is wrong with what the calls of a stress run of commands got, and with what was run for them.
import fs from 'node:fs';
import { join } from 'node:path';

/** @typedef {import('./commands.mjs').Call} Call */

/** Ends that a call may come to: an outcome, one that is told, or what was done to it. */
const CODES = [0, 3, 124, 125, 129, 130, 137, 143];
const SIGNALS = ['SIGTERM', 'SIGKILL', 'SIGPIPE'];
const TOLD = /bytes of its (stdout|stderr) are missing/;
/** A failure that a full disk did not take is its own caller's alone. */
const OWN_ALONE = /could not be recorded/;
const OUTPUT = /^(\d+-\d+) (\d+)$/;
const NOTES = /^holdfast: |^ {2}|^$/;
/** A follower went on with another run, whatever the one before was cut off in. */
const NEXT = /what follows is of run/;
/** The beginning of a line in which the output of a run ended that was killed, or whose disk was full. */
const CUT = /^\d*-?\d* ?$/;

/** @param {readonly Call[]} calls @param {string} ledger */
export function problemsOf(calls, ledger) {
  const begun = linesOf(ledger, 'begun').map((line) => {
    const [id, round, self, at] = line.split(' ');
    return { id, round: Number(round), self, at: Number(at) };
  });
  /** @type {Record<'overlaps' | 'ends' | 'outputs' | 'results' | 'again', string[]>} */
  const found = { overlaps: linesOf(ledger, 'overlaps'), ends: [], outputs: [], results: [], again: [] };
  /** @type {Map<string, { executions: Set<string>, first: number }>} */
  const outcomes = new Map();
  for (const call of calls) {
    const what = `${call.way}: ${call.id} round ${call.round}, ended by ${call.code ?? call.signal}`;
    if (!isKnown(call)) found.ends.push(`${what}: ${notesOf(call.stderr).join(' / ')}`);
    const problem = problemIn(call);
    if (problem !== undefined) found.outputs.push(`${what}: ${problem}`);
    if (!isResult(call)) continue;
    const name = `${call.id} ${call.round}`;
    const outcome = outcomes.get(name) ?? { executions: new Set(), first: call.at };
    outcomes.set(name, { ...outcome, first: Math.min(outcome.first, call.at) });
    for (const execution of executionsIn(call.stdout).slice(-1)) outcome.executions.add(execution);
  }
  for (const [name, { executions, first }] of outcomes) {
    if (executions.size > 1) found.results.push(`${name}: results of ${[...executions].join(' and ')}`);
    const after = begun.filter(({ id, round, at }) => `${id} ${round}` === name && at > first);
    if (after.length > 0)
      found.again.push(`${name}: ${after.map(({ self }) => self).join()} began after a result`);
  }
  return found;
}

/** @param {string} ledger @param {string} name */
function linesOf(ledger, name) {
  const path = join(ledger, name);
  return fs.existsSync(path) ? fs.readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
}

/** Whether its last output on standard error may end within a line, before what holdfast says. @param {Call} call */
function mayEndCut({ code, stderr }) {
  return (code !== 0 && code !== 3) || TOLD.test(stderr);
}

/** Whether it got the outcome of its round, which others get as well. @param {Call} call */
function isResult({ code, way, stderr }) {
  const isOutcome = code === 0 || (code === 3 && !OWN_ALONE.test(stderr));
  return isOutcome && way !== 'background' && way !== 'follows whatever runs';
}

/** @param {Call} call */
function isKnown(call) {
  const { code, signal, stderr } = call;
  const isEnd = code === null ? SIGNALS.includes(String(signal)) : CODES.includes(code);
  const mayBeCut = mayEndCut(call) || NEXT.test(stderr);
  const strange = notesOf(stderr).filter((line) => !NOTES.test(line) && !(mayBeCut && CUT.test(line)));
  return isEnd && strange.length === 0 && !/^\s+at /m.test(stderr);
}

/** What holdfast said, and what else is no whole line of a command's. @param {string} stderr */
function notesOf(stderr) {
  return stderr.split('\n').filter((line) => !OUTPUT.test(line));
}

/** Which executions an output is of, in the order in which they come in it. @param {string} text */
function executionsIn(text) {
  return [...new Set(wholeLines(text).flatMap((line) => OUTPUT.exec(line)?.[1] ?? []))];
}

/** A reader that leaves may have read the last one in part. @param {string} text */
function wholeLines(text) {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1);
}

/**
 * What is wrong with the output of a call. It may be of several executions, if the first ones were cut off; of each it has
 * the beginning, and of the one whose result it got, all; unless it says that something is missing.
 *
 * @param {Call} call
 */
function problemIn(call) {
  const { lines, stdout, stderr } = call;
  const whole = { stdout: lines, stderr: Math.floor(lines / 5) };
  const isCutOff = NEXT.test(stderr);
  const foreign = wholeLines(stdout).find((line) => !OUTPUT.test(line) && !(isCutOff && CUT.test(line)));
  const said = `nobody's line: ${foreign}; ${notesOf(stderr)}`;
  const isTold = TOLD.test(stderr);
  const isWhole = call.code === 0 && isResult(call) && !call.way.includes('reader leaves'); // it may have left just before the end
  for (const stream of /** @type {const} */ (['stdout', 'stderr'])) {
    const text = stream === 'stdout' ? stdout : stderr;
    const executions = executionsIn(text);
    for (const self of executions) {
      const numbers = wholeLines(text).flatMap((line) =>
        line.startsWith(`${self} `) ? [Number(OUTPUT.exec(line)?.[2])] : [],
      );
      const isBefore = self !== executions.at(-1);
      if ((isBefore && isCutOff) || (stream === 'stderr' && mayEndCut(call))) numbers.pop();
      const isInOrder = numbers.every((n, at) =>
        isTold ? at === 0 || n > Number(numbers[at - 1]) : n === at + 1,
      );
      if (!isInOrder)
        return `${stream} of ${self} is out of order, with ${numbers.length} lines: ${numbers.slice(0, 50)}; ${said}`;
      const isDue = isWhole && self === executions.at(-1) && !isTold;
      if (isDue && numbers.length !== whole[stream])
        return `${stream} has ${numbers.length} of ${whole[stream]} lines`;
    }
    const isEmpty = executions.length === 0 && whole[stream] > 0;
    if (isWhole && isEmpty && !isTold) return `nothing of ${stream} was printed`;
  }
  return foreign === undefined ? undefined : `a line of stdout is nobody's: ${foreign}`;
}
