import { heldBeside, takeAround, type Wish } from '../../command/around.ts';
import { printable } from '../../errors/describe.ts';
import { BusyError, LockError, TimeoutError } from '../../errors/lock-errors.ts';
import { environmentOptions } from '../../lock/environment.ts';
import type { Lock } from '../../lock/lock.ts';
import type { LockManager } from '../../lock/manager.ts';
import type { Decision } from '../../rules/decide.ts';
import type { Policy } from '../../rules/rules.ts';
import { note } from '../output/text.ts';
import { WaitingNotice } from '../output/waiting.ts';
import { wordsOf } from '../report.ts';
import { openAuditedManager } from '../settings.ts';
import type { GuardOptions } from './options.ts';
import { placeFor } from './place.ts';
import { type Asked, heldBy, labelOf, nextStep, refusal, ruleText } from './refusal.ts';

/** Under which policy an operation runs, and how long it waits at most: the command line goes before the rule. */
export function termsOf(
  { operation }: Decision,
  { policy, timeout }: GuardOptions,
): { readonly policy: Policy; readonly timeout: number } {
  const { settings } = operation;
  const chosen = timeout === undefined ? (policy ?? settings.policy ?? 'fail') : 'wait';
  const limit = timeout ?? settings.timeout ?? environmentOptions().timeout ?? Number.POSITIVE_INFINITY;
  return { policy: chosen, timeout: chosen === 'wait' ? limit : 0 };
}

/** The locks of an operation, as its policy has it. @throws {CliError} when they are not granted. */
export async function acquireFor(
  decision: Decision,
  words: readonly string[],
  options: GuardOptions,
  signal: AbortSignal,
): Promise<readonly Lock[]> {
  if (decision.locks.length === 0) return [];
  const manager = openAuditedManager(placeFor(decision.operation, options));
  const { policy, timeout } = termsOf(decision, options);
  const wishes = decision.locks.map(({ target, mode }) => ({ label: labelOf(target), target, mode }));
  const asked = { decision, words, options };
  if (policy === 'warn') return takeWhatIsFree(wishes, manager, asked);
  try {
    return await takeAll(wishes, manager, { timeout, signal, options });
  } catch (error) {
    if (error instanceof BusyError || error instanceof TimeoutError) throw refusal(error, asked);
    throw error;
  }
}

export const SHARED_AROUND =
  'Let the operation around it use the resource exclusive, or run this one by itself';

interface Patience {
  readonly timeout: number;
  readonly signal: AbortSignal;
  readonly options: GuardOptions;
}

async function takeAll(
  wishes: readonly Wish[],
  manager: LockManager,
  { timeout, signal, options }: Patience,
): Promise<readonly Lock[]> {
  const stopNotice = new WaitingNotice(options).follow();
  try {
    return await takeAround(wishes, manager, SHARED_AROUND, (placed, elapsed) => {
      const left = timeout === 0 ? 0 : Math.max(1, timeout - elapsed);
      const holding = timeout === 0 ? [] : heldBeside(placed, manager);
      return manager.acquireAll(placed.map(targetAndMode), { timeout: left, signal, holding });
    });
  } finally {
    stopNotice();
  }
}

function targetAndMode({ target, mode }: Wish) {
  return typeof target === 'string' ? { name: target, mode } : { ...target, mode };
}

/** Each lock that is free now, so that others meet it; the command is told what it runs without. */
async function takeWhatIsFree(
  wishes: readonly Wish[],
  manager: LockManager,
  asked: Asked,
): Promise<readonly Lock[]> {
  const byPath = new Map<string, Wish>();
  for (const wish of wishes) {
    const path = manager.pathOf(wish.target);
    if (byPath.get(path)?.mode !== 'exclusive') byPath.set(path, wish);
  }
  const locks: Lock[] = [];
  for (const [, wish] of [...byPath].sort(([a], [b]) => (a < b ? -1 : 1))) {
    try {
      const taken = await takeAround([wish], manager, SHARED_AROUND, (placed) =>
        manager.acquireAll(placed.map(targetAndMode), { timeout: 0 }),
      );
      locks.push(...taken);
    } catch (error) {
      if (!(error instanceof LockError)) throw error;
      note(warning(error, wish, asked));
    }
  }
  return locks;
}

function warning(error: Error, { label }: Wish, asked: Asked): string {
  const { operation, locks } = asked.decision;
  const without = `warning: ${printable(operation.name)} runs without the lock on ${printable(label)}`;
  if (!(error instanceof BusyError)) return `${without}: ${wordsOf(error)}`;
  const lock = locks.find(({ target }) => labelOf(target) === label);
  return `${without}: ${heldBy(label, error.holders)}. ${nextStep(lock, error.holders, asked)}. ${ruleText(asked.decision)}`;
}
