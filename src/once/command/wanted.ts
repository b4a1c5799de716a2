import type { HolderRecord } from '../../identity/holder.ts';
import { liveness } from '../../identity/index.ts';
import type { Place } from '../scope.ts';

/** As many characters of a command a record has at least. */
const RECORDED = 400;

/** Whether somebody waits who takes the outcome of this command. */
export function isAwaited({ locks, lock }: Place, words: readonly string[]): boolean {
  return locks.inspect({ name: lock }).waiters.some(({ record }) => wants(words, record));
}

/** Whether somebody alive has the lock, or waits for it, who runs this command when it comes to that. */
export function isToRun({ locks, lock }: Place, words: readonly string[]): boolean {
  const { holders, waiters } = locks.inspect({ name: lock });
  const alive = holders.filter((holder) => liveness(holder) !== 'dead'); // a process left behind may keep the lock of a dead one
  return [...alive, ...waiters.map(({ record }) => record)].some((record) => wants(words, record));
}

/**
 * Tells of somebody whether they take the outcome of this command: they would run the same one, or take that of any, for
 * which they have a purpose. One of whom it cannot be told for certain does.
 */
function wants(words: readonly string[], { command, purpose }: HolderRecord): boolean {
  if (command === undefined || purpose !== undefined) return true;
  const own = words.join(' ');
  const [beginning = ''] = command.split(/\u2026$/);
  const isCut = beginning !== command || command.length >= RECORDED;
  return isCut ? own.startsWith(beginning) : own === command;
}
