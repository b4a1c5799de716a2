import { inheritedDescriptors } from '../../command/descriptors.ts';
import { endBySignal } from '../../command/signals/end.ts';
import { Interrupted, Signals } from '../../command/signals/signals.ts';
import { printable } from '../../errors/describe.ts';
import { actFor } from '../../identity/self.ts';
import { decide } from '../../rules/decide.ts';
import type { Rules } from '../../rules/rules.ts';
import { shortPath } from '../../storage/working-directory.ts';
import { trace } from '../../trace/trace.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { note } from '../output/text.ts';
import { runUnder } from '../run/under.ts';
import { tell } from '../tell.ts';
import { acquireFor } from './acquire.ts';
import { findBehind, findCommand, type Wrapped } from './find-command.ts';
import { type GuardOptions, rulesFor } from './options.ts';

/** `holdfast guard`: finds the rule, acquires what it says, and runs the command as `holdfast run` does. */
export async function startGuarded(
  words: readonly [string, ...string[]],
  options: GuardOptions,
): Promise<void> {
  const signals = new Signals();
  const inherited = inheritedDescriptors();
  try {
    const rules = await rulesFor(options);
    const wrapped = wrappedBy(words[0], options);
    const decision = decide(rules, { words, file: () => wrapped?.file ?? findCommand(words[0]) });
    actFor(words.join(' '));
    trace?.(words[0], decision === undefined ? 'has no rule' : `is operation ${decision.operation.name}`);
    if (decision === undefined) meetUnmatched(rules, words);
    const locks =
      decision === undefined ? [] : await acquireFor(decision, words, options, signals.interrupted);
    runUnder(locks, { words, inherited, signals, options, ...wrapped });
  } catch (error) {
    if (error instanceof Interrupted) endBySignal(error.signal);
    process.exit(await tell(error, options));
  }
}

/** The command that a wrapper stands for; undefined when this is not run by a wrapper. */
function wrappedBy(name: string, { behind }: GuardOptions): Wrapped | undefined {
  if (behind === undefined) return undefined;
  const wrapped = findBehind(name, behind);
  if (wrapped !== undefined) return wrapped;
  const where = `later in PATH than its wrapper in ${printable(behind)}`;
  throw new CliError(
    exitCodes.notFound,
    'HOLDFAST_NOT_STARTED',
    `${printable(name)}: command not found ${where}`,
  );
}

/** @throws {CliError} when commands without a rule are refused. */
function meetUnmatched({ unmatched, files }: Rules, words: readonly string[]): void {
  if (unmatched === 'allow') return;
  const where = files.map((file) => printable(shortPath(file))).join(' and ');
  const problem = `no operation in ${where} matches ${printable(words.join(' '))}`;
  if (unmatched === 'warn') {
    note(`warning: ${problem}; it runs without a lock`);
    return;
  }
  const message = `${printable(words[0] ?? '')} was not started: ${problem}, and commands without a rule are refused there (unmatched: refuse). Look: holdfast rules list`;
  throw new CliError(exitCodes.notExecutable, 'HOLDFAST_UNMATCHED', message, { unmatched, files });
}
