import { heldBeside, takeAround } from '../../command/around.ts';
import { inheritedDescriptors } from '../../command/descriptors.ts';
import { endBySignal } from '../../command/signals/end.ts';
import { Interrupted, Signals } from '../../command/signals/signals.ts';
import { BusyError, TimeoutError } from '../../errors/lock-errors.ts';
import { actFor } from '../../identity/self.ts';
import { environmentOptions } from '../../lock/environment.ts';
import type { Lock } from '../../lock/lock.ts';
import { exitCodes } from '../exit-codes.ts';
import { WaitingNotice } from '../output/waiting.ts';
import { openAuditedManager, targetOfWord } from '../settings.ts';
import { tell } from '../tell.ts';
import type { RunOptions } from './options.ts';
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
    const locks = await acquire(names, options, signals);
    runUnder(locks, { words, inherited, signals, options, permits: options.permits });
  } catch (error) {
    process.exit(await exitAfter(error, options));
  }
}

const HINT = 'Take it so in the outer run, or ask for less here';

async function acquire(
  names: readonly string[],
  options: RunOptions,
  signals: Signals,
): Promise<readonly Lock[]> {
  const mode = options.shared === true || options.permits !== undefined ? 'shared' : 'exclusive';
  const manager = openAuditedManager(options);
  const { purpose, permits, engine, require } = options;
  const asked = { mode, ...(permits === undefined ? {} : { permits }) } as const;
  const wishes = names.map((label) => ({ label, target: targetOfWord(label, options), ...asked }));
  const timeout = timeoutOf(options);
  const stopNotice = new WaitingNotice(options).follow();
  try {
    return await takeAround(wishes, manager, HINT, (placed, elapsed) => {
      return manager.acquireAll(
        placed.map(({ target }) => target),
        {
          ...(permits === undefined ? { mode } : { permits }),
          timeout: timeout === 0 ? 0 : Math.max(1, timeout - elapsed),
          signal: signals.interrupted,
          ...(engine === undefined ? {} : { engine }),
          ...(require === undefined ? {} : { require }),
          holding: timeout === 0 ? [] : heldBeside(placed, manager),
          ...(purpose === undefined ? {} : { purpose }),
        },
      );
    });
  } finally {
    stopNotice();
  }
}

async function exitAfter(error: unknown, options: RunOptions): Promise<number> {
  if (error instanceof Interrupted) return endBySignal(error.signal);
  const contended = error instanceof BusyError || error instanceof TimeoutError;
  const exitCode = contended ? (options.conflictExitCode ?? contentionCode(options)) : undefined;
  return tell(error, options, exitCode);
}

/** A command waits as long as it takes, unless it is told otherwise. */
function timeoutOf({ wait, timeout }: RunOptions): number {
  return wait ? (timeout ?? environmentOptions().timeout ?? Number.POSITIVE_INFINITY) : 0;
}

/** Out of time before the last of several locks was tried at all counts as out of time. */
function contentionCode(options: RunOptions): number {
  return timeoutOf(options) === 0 ? exitCodes.busy : exitCodes.timeout;
}
