import { printable } from '../../errors/describe.ts';
import { BusyError, TimeoutError } from '../../errors/lock-errors.ts';
import { processFacts } from '../../identity/index.ts';
import { actFor } from '../../identity/self.ts';
import { environmentOptions } from '../../lock/environment.ts';
import type { Lock } from '../../lock/lock.ts';
import { exitCodes } from '../exit-codes.ts';
import { note } from '../output/text.ts';
import { WaitingNotice } from '../output/waiting.ts';
import { exitCodeOf, report } from '../report.ts';
import { openAuditedManager, targetOfWord } from '../settings.ts';
import { startCommand, whenEnded } from './command.ts';
import { inheritedDescriptors } from './descriptors.ts';
import { alreadyHeld, heldVariable } from './held.ts';
import { exitCodeOfSignal } from './interrupt.ts';
import type { RunOptions } from './options.ts';
import { Interrupted, Signals } from './signals.ts';

/** `holdfast run`: acquires, starts the command, and ends the process in the moment the command ends. */
export async function startUnderLock(
  names: readonly string[],
  words: readonly [string, ...string[]],
  options: RunOptions,
): Promise<void> {
  const signals = new Signals();
  const inherited = inheritedDescriptors();
  try {
    actFor(words.join(' '));
    run(await acquire(names, options, signals), { words, inherited, signals, options });
  } catch (error) {
    process.exit(exitAfter(error, options));
  }
}

async function acquire(
  names: readonly string[],
  options: RunOptions,
  signals: Signals,
): Promise<readonly Lock[]> {
  const mode = options.shared === true || options.permits !== undefined ? 'shared' : 'exclusive';
  const manager = openAuditedManager(options);
  const around = alreadyHeld(names, mode, manager);
  const targets = names.filter((name) => !around.has(name)).map(targetOfWord);
  if (targets.length === 0) return [];
  const { purpose, permits, engine, require } = options;
  const stopNotice = new WaitingNotice(options).follow();
  try {
    const { locks } = await manager.acquireAll(targets, {
      ...(permits === undefined ? { mode } : { permits }),
      timeout: timeoutOf(options),
      signal: signals.interrupted,
      ...(engine === undefined ? {} : { engine }),
      ...(require === undefined ? {} : { require }),
      ...(purpose === undefined ? {} : { purpose }),
    });
    return locks;
  } finally {
    stopNotice();
  }
}

interface Parts {
  readonly words: readonly [string, ...string[]];
  readonly inherited: readonly number[];
  readonly signals: Signals;
  readonly options: RunOptions;
}

function run(locks: readonly Lock[], { words, inherited, signals, options }: Parts): void {
  for (const { detail } of locks.flatMap(({ degraded }) => degraded)) note(`warning: ${printable(detail)}`);
  const own = locks.flatMap(({ descriptor }) => descriptor ?? []);
  const command = startCommand({
    words,
    // The command carries the locks itself: should this process be killed, they stay held until the command ends.
    descriptors: [...inherited, ...own],
    env: { ...process.env, ...heldVariable(locks.map(({ path }) => path)) },
  });
  whenEnded(command, (outcome) => {
    for (const lock of [...locks].reverse()) void lock.release();
    process.exit('error' in outcome ? report(outcome.error, options) : outcome.exitCode);
  });
  signals.passTo(command);
  if (command.pid === undefined) return;
  const start = processFacts.startTime(command.pid);
  const child = start === undefined ? { pid: command.pid } : { pid: command.pid, start };
  for (const lock of locks) lock.recordChild(child);
}

function exitAfter(error: unknown, options: RunOptions): number {
  if (error instanceof Interrupted) return exitCodeOfSignal(error.signal);
  const contended = error instanceof BusyError || error instanceof TimeoutError;
  const exitCode = contended ? (options.conflictExitCode ?? contentionCode(options)) : exitCodeOf(error);
  return report(error, options, exitCode);
}

/** A command waits as long as it takes, unless it is told otherwise. */
function timeoutOf({ wait, timeout }: RunOptions): number {
  return wait ? (timeout ?? environmentOptions().timeout ?? Number.POSITIVE_INFINITY) : 0;
}

/** Out of time before the last of several locks was tried at all counts as out of time. */
function contentionCode(options: RunOptions): number {
  return timeoutOf(options) === 0 ? exitCodes.busy : exitCodes.timeout;
}
