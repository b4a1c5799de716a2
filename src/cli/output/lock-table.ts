import { clock, duration, printable } from '../../errors/describe.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import type { LockInfo } from '../../lock/query.ts';
import { Date } from '../../time/time.ts';
import { type Colours, coloursFor } from './colour.ts';
import { table } from './table.ts';

const WIDEST_COMMAND = 60;

/** Locks as a table for people: one row a lock, or a holder where several share it. */
export function lockTable(locks: readonly LockInfo[]): string {
  return table([header(), ...locks.flatMap(rows)]);
}

function header(): string[] {
  const { bold } = coloursFor(1);
  return ['NAME', 'STATE', 'CONTRACT', 'PID', 'USER', 'SINCE', 'WAITING', 'HELD BY'].map(bold);
}

function rows({ resource, path, state, contract, holders, waiters }: LockInfo): string[][] {
  const colours = coloursFor(1);
  const name = printable(resource === path ? `${path} (name not known)` : resource);
  const waiting = waiters.length === 0 ? '-' : String(waiters.length);
  if (state === 'free')
    return [[name, colours.green('free'), contract, '', '', '', waiters.length === 0 ? '' : waiting]];
  const known = holders.length === 0 ? [{}] : holders;
  return known.map((holder) => [name, colours.yellow(state), contract, ...facts(holder, waiting, colours)]);
}

function facts(holder: HolderRecord, waiting: string, { dim }: Colours): string[] {
  const { pid, user, since, purpose, command, copy } = holder;
  const from = Date.parse(since ?? '');
  const when = Number.isNaN(from)
    ? '?'
    : `${clock(new Date(from))} ${dim(`(${duration(Date.now() - from)})`)}`;
  const process = printable(purpose ?? command ?? 'a process that left no record');
  const title = copy === true ? `a copy of the claim of ${process}` : process;
  const short = title.length > WIDEST_COMMAND ? `${title.slice(0, WIDEST_COMMAND - 1)}…` : title;
  return [String(pid ?? '?'), printable(user ?? '?'), when, waiting, short];
}
