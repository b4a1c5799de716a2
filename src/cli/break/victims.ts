import { dirname } from 'node:path';
import { depths, descendantsOf } from '../../command/heirs.ts';
import { holdersAround } from '../../command/held.ts';
import { maySignal } from '../../command/signals/send.ts';
import { holder, printable, shellWord } from '../../errors/describe.ts';
import { copyAdvice } from '../../errors/lock-errors.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { liveness, processFacts, recordOf } from '../../identity/index.ts';
import { carriersOf } from '../../lock/nested.ts';
import type { LockInfo } from '../../lock/query.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

/** One process to end, with what is needed to know it again. */
export interface Victim {
  readonly title: string;
  readonly identity: HolderRecord & { readonly pid: number };
  /** A `holdfast run`, which ends by itself when its command does. */
  readonly isWrapper: boolean;
}

/**
 * The processes that hold a lock, and all who inherited it from them or, where nobody inherits a lock, descend from the
 * command: in the order in which `endAll` is to signal them.
 *
 * @throws {CliError} when any of them cannot be told for certain, or may not be ended by this user: then none is touched.
 */
export function victimsOf(info: LockInfo): Victim[] {
  const victims = recordedVictims(info);
  const known = new Set(victims.map(({ identity }) => identity.pid));
  const below = info.holders.flatMap(({ child }) => (child === undefined ? [] : descendantsOf(child.pid)));
  const pids = new Set([...carriersOf(info.path), ...below.map(({ pid }) => pid)]);
  const all = topDown([...victims, ...sorted([...pids].filter((pid) => !known.has(pid)).flatMap(heirOf))]);
  // A wrapper ends with its command, whoever's it is.
  const protectedOne = commandsOf(all).find(({ identity }) => !maySignal(identity.pid));
  if (protectedOne === undefined) return all;
  const who = `${printable(protectedOne.title)} (pid ${protectedOne.identity.pid})`;
  throw leftAlone(info, `${who} belongs to another user. Only that user or root can end it`);
}

/** Those who get the signal: the wrappers only where there is nobody else. */
export function commandsOf(victims: readonly Victim[]): readonly Victim[] {
  const commands = victims.filter(({ isWrapper }) => !isWrapper);
  return commands.length > 0 ? commands : victims;
}

/** Each before those that it started; a `holdfast run` behind them all, which is left to end with its command. */
function topDown(victims: readonly Victim[]): Victim[] {
  const depthOf = depths();
  const rank = ({ identity: { pid } }: Victim) => depthOf.get(pid) ?? 0;
  const order = (some: Victim[]) => some.sort((one, other) => rank(one) - rank(other));
  return [
    ...order(victims.filter(({ isWrapper }) => !isWrapper)),
    ...order(victims.filter(({ isWrapper }) => isWrapper)),
  ];
}

/**
 * Finds those who came to the work of these holders after this call, however late: processes that were started by one that
 * was looked at and not signalled yet, or by one that was being ended. Such a process may have lost its parent. Its
 * environment proves where it comes from, for there `holdfast` names itself to its command and to all below it.
 *
 * Left alone is what the command had left behind by this call, and what that starts: it does not work under the lock.
 */
export function newcomersTo({ holders }: LockInfo): (known: readonly Victim[]) => Victim[] {
  const before = new Set(processFacts.processIds().map(keyOf));
  const runs = new Set(holders.flatMap(({ pid, start }) => (start === undefined ? [] : [`${pid} ${start}`])));
  const isBelow = (pid: number) => holdersAround(pid).some((each) => runs.has(`${each.pid} ${each.start}`));
  return (known) => {
    const victims = new Set(known.map(({ identity: { pid } }) => pid));
    const isOfThoseLeft = (pid: number | undefined): boolean => {
      if (pid === undefined || !isBelow(pid) || victims.has(pid)) return false;
      return before.has(keyOf(pid)) || isOfThoseLeft(processFacts.parentOf(pid));
    };
    const isNew = (pid: number) => !before.has(keyOf(pid)) && !victims.has(pid) && isBelow(pid);
    return topDown(
      sorted(
        processFacts
          .processIds()
          .filter((pid) => isNew(pid) && !isOfThoseLeft(pid))
          .flatMap(heirOf),
      ),
    );
  };
}

function keyOf(pid: number): string {
  return `${pid} ${processFacts.look(pid)?.start}`;
}

/**
 * Tells a `holdfast` below the command from what that runs: it ends with it, and would pass a signal on once more. What
 * else it has started, to tell Ctrl-C from `kill`, ends with it in turn.
 */
function sorted(heirs: readonly Victim[]): Victim[] {
  const around = new Map(heirs.map(({ identity: { pid } }) => [pid, holdersAround(pid)]));
  const named = [...around.values()].flat();
  const isWrapper = ({ identity }: Victim) =>
    named.some(({ pid, start }) => pid === identity.pid && start === identity.start);
  const wrappers = new Set(heirs.filter(isWrapper).map(({ identity: { pid } }) => pid));
  return heirs.flatMap((heir) => {
    const { pid } = heir.identity;
    const parent = processFacts.parentOf(pid) ?? 0;
    const isCommand = !wrappers.has(parent) || around.get(pid)?.some((claim) => claim.pid === parent);
    return isCommand ? [{ ...heir, isWrapper: wrappers.has(pid) }] : [];
  });
}

function heirOf(pid: number): Victim[] {
  const identity = recordOf(pid);
  if (pid === process.pid || liveness(identity) !== 'alive') return [];
  const title = processFacts.commandOf(pid) ?? 'a process';
  return [{ title, identity: { ...identity, pid }, isWrapper: false }];
}

function recordedVictims(info: LockInfo): Victim[] {
  const { holders, path } = info;
  const copy = holders.find((record) => record.copy === true);
  if (copy !== undefined) {
    const advice = copyAdvice(shellWord(printable(dirname(path))));
    throw leftAlone(info, `it is kept by ${holder(copy)}. ${advice}`);
  }
  if (holders.length === 0) throw refusal(info, 'it is held by a process that left no record');
  const victims = holders.flatMap((record) => {
    const { pid } = record;
    if (pid === undefined) throw refusal(info, 'a holder left no process id (an anonymous record)');
    if (record.pidNamespace !== processFacts.pidNamespace()) {
      throw refusal(
        info,
        `${holder(record)} runs in another pid namespace, such as a container's, where its process id means another process`,
      );
    }
    return processesOf({ ...record, pid });
  });
  const alive = victims.filter(({ identity }) => {
    const state = liveness(identity);
    if (state === 'unknown')
      throw refusal(info, `it cannot be verified that pid ${identity.pid} is the process that took the lock`);
    return state === 'alive';
  });
  if (alive.length === 0)
    throw refusal(
      info,
      `${holders.map((each) => holder(each)).join(', ')} has ended, and a process that inherited the lock keeps it`,
    );
  return alive;
}

function processesOf(record: HolderRecord & { readonly pid: number }): Victim[] {
  const { command, purpose, child, ...identity } = record;
  const title = command ?? purpose ?? 'a process';
  if (child === undefined) return [{ title, identity, isWrapper: false }];
  const { start: _wrappersStart, ...rest } = identity;
  const start = child.start === undefined ? {} : { start: child.start };
  return [
    { title, identity: { ...rest, pid: child.pid, ...start }, isWrapper: false },
    { title: `holdfast run ${title}`, identity, isWrapper: true },
  ];
}

function refusal(info: LockInfo, why: string): CliError {
  return leftAlone(info, `${why}. See who has the file open: fuser -v ${printable(info.path)}`);
}

function leftAlone({ resource, path, holders }: LockInfo, why: string): CliError {
  const message = `${printable(resource)} is left alone: ${why}`;
  return new CliError(exitCodes.failure, 'HOLDFAST_LEFT_ALONE', message, { resource, path, holders });
}
