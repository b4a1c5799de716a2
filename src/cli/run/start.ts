import { BusyError, TimeoutError } from '../../errors/lock-errors.ts';
import { actFor } from '../../identity/self.ts';
import { environmentOptions } from '../../lock/environment.ts';
import type { Lock } from '../../lock/lock.ts';
import { exitCodes } from '../exit-codes.ts';
import { WaitingNotice } from '../output/waiting.ts';
import { exitCodeOf, report } from '../report.ts';
import { openAuditedManager, targetOfWord } from '../settings.ts';
import { inheritedDescriptors } from './descriptors.ts';
import { heldAround, notHeldAround } from './held.ts';
import { exitCodeOfSignal } from './interrupt.ts';
import type { RunOptions } from './options.ts';
import { Interrupted, Signals } from './signals.ts';
import { runUnder } from './under.ts';

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
    runUnder(await acquire(names, options, signals), { words, inherited, signals, options });
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
  const wishes = names.map((label) => ({ label, target: targetOfWord(label, options), mode }) as const);
  const hint = 'Take it exclusive in the outer run, or pass --shared here';
  const targets = notHeldAround(wishes, manager, hint).map(({ target }) => target);
  if (targets.length === 0) return [];
  const { purpose, permits, engine, require } = options;
  const timeout = timeoutOf(options);
  const stopNotice = new WaitingNotice(options).follow();
  try {
    const { locks } = await manager.acquireAll(targets, {
      ...(permits === undefined ? { mode } : { permits }),
      timeout,
      signal: signals.interrupted,
      ...(engine === undefined ? {} : { engine }),
      ...(require === undefined ? {} : { require }),
      holding: timeout === 0 ? [] : heldAround(),
      ...(purpose === undefined ? {} : { purpose }),
    });
    return locks;
  } finally {
    stopNotice();
  }
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
