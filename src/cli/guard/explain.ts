import { holdAround } from '../../command/around.ts';
import { holders as describeHolders, duration, printable } from '../../errors/describe.ts';
import { placeText } from '../../errors/rules-error.ts';
import type { LockManager } from '../../lock/manager.ts';
import type { LockInfo } from '../../lock/query.ts';
import { type Decision, decide, type PlannedLock } from '../../rules/decide.ts';
import type { Rules } from '../../rules/rules.ts';
import { shortPath } from '../../storage/working-directory.ts';
import { printJson } from '../output/json.ts';
import { table } from '../output/table.ts';
import { print } from '../output/text.ts';
import { openManager } from '../settings.ts';
import { SHARED_AROUND, termsOf } from './acquire.ts';
import { findCommand } from './find-command.ts';
import { type GuardOptions, rulesFor } from './options.ts';
import { placeFor } from './place.ts';
import { labelOf, nextStep } from './refusal.ts';

/** `holdfast guard --explain`: tells what would happen, and takes nothing. */
export async function explain(words: readonly string[], options: GuardOptions): Promise<void> {
  const rules = await rulesFor(options);
  const name = words[0] ?? '';
  const decision = decide(rules, { words, file: () => findCommand(name) });
  if (decision === undefined) explainUnmatched(rules, words, options);
  else explainDecision(decision, words, options);
}

function explainUnmatched(
  { unmatched, files }: Rules,
  words: readonly string[],
  { json }: GuardOptions,
): void {
  if (json === true) {
    printJson({ command: words, operation: null, unmatched, files, locks: [] });
    return;
  }
  const ends = {
    allow: 'runs without a lock',
    warn: 'runs without a lock, after a warning',
    refuse: 'is refused',
  };
  const looked = files.map((file) => printable(shortPath(file))).join(' and ');
  print(
    table([
      ['command', printable(words.join(' '))],
      ['rule', `none in ${looked}`],
      ['so', `${ends[unmatched]} (unmatched: ${unmatched})`],
    ]),
  );
}

interface Seen extends PlannedLock {
  readonly label: string;
  readonly info: LockInfo;
  readonly state: 'free' | 'ours' | 'in the way';
}

function explainDecision(decision: Decision, words: readonly string[], options: GuardOptions): void {
  const { operation, pattern, captured } = decision;
  const manager = openManager(placeFor(operation, options));
  const seen = decision.locks.map((lock) => look(lock, manager));
  const terms = termsOf(decision, options);
  if (options.json === true) {
    printJson({
      command: words,
      operation: operation.name,
      pattern: pattern.text,
      place: operation.place,
      captures: Object.fromEntries(captured),
      policy: terms.policy,
      timeout: terms.policy === 'wait' && Number.isFinite(terms.timeout) ? terms.timeout : null,
      locks: seen.map(({ label, mode, info, state }) => ({
        resource: label,
        mode,
        path: info.path,
        inTheWay: state === 'in the way',
        holders: info.holders,
        waiters: info.waiters,
      })),
    });
    return;
  }
  const facts = table([
    ['command', printable(words.join(' '))],
    ['rule', `${printable(operation.name)} (${placeText(operation.place)}): ${printable(pattern.text)}`],
    ...[...captured].map(([name, values]) => [`<${name}>`, printable(values.join(' '))]),
    ['policy', policyText(terms)],
    ...lockRows(seen),
  ]);
  const inTheWay = seen.filter(({ state }) => state === 'in the way');
  print(
    [
      facts,
      ...new Set(inTheWay.map((lock) => nextStep(lock, lock.info.holders, { decision, words, options }))),
    ].join('\n'),
  );
}

function look(lock: PlannedLock, manager: LockManager): Seen {
  const label = labelOf(lock.target);
  const info = manager.inspect(lock.target);
  const ours = holdAround({ ...lock, label }, manager, SHARED_AROUND) !== undefined;
  const taken = info.state === 'exclusive' || (info.state === 'shared' && lock.mode === 'exclusive');
  const queued = info.waiters.length > 0;
  return { ...lock, label, info, state: ours ? 'ours' : taken || queued ? 'in the way' : 'free' };
}

function policyText({ policy, timeout }: ReturnType<typeof termsOf>): string {
  if (policy === 'fail') return 'fail: ends at once when a lock is busy';
  if (policy === 'warn') return 'warn: runs without the locks that are busy, and says so';
  return Number.isFinite(timeout) ? `wait: for up to ${duration(timeout)}` : 'wait: without limit';
}

function lockRows(seen: readonly Seen[]): string[][] {
  if (seen.length === 0) return [['locks', 'none']];
  return seen.map((lock, at) => [
    at === 0 ? 'locks' : '',
    `${printable(lock.label)}, ${lock.mode}: ${stateText(lock)}`,
  ]);
}

function stateText({ state, info: { holders, waiters, state: how } }: Seen): string {
  if (state === 'free') return how === 'free' ? 'free' : `free to share with ${describeHolders(holders)}`;
  if (state === 'ours') return 'held around this command already';
  const line = waiters.length === 0 ? '' : `, and ${waiters.length} waiting`;
  return how === 'free' ? `free${line}` : `held by ${describeHolders(holders)}${line}`;
}
