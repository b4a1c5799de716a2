import type { ChildProcess } from 'node:child_process';
import { printable } from '../errors/describe.ts';
import type { Lock } from '../lock/lock.ts';
import { admitNested, descriptorsOf, returnNews } from '../lock/nested.ts';
import { trace } from '../trace/trace.ts';
import { Heirs } from './heirs.ts';
import { heldVariable } from './held.ts';
import { identityOf, type Recorder } from './on-record/index.ts';
import { type CommandParts, type Ending, NotStarted, startCommand, whenEnded } from './start.ts';

/** A command that works under locks. */
export interface Underling {
  readonly process: ChildProcess;
  /** To be called before a signal is passed on to it: those who work under the locks then may outlive it. */
  readonly signalled: () => void;
}

export interface UnderParts extends CommandParts {
  /** Of how many permits the locks are. */
  readonly permits?: number;
  /** Called in the very event that tells of the command's end, when the locks are ready to be released. */
  readonly onEnd?: (ending: Ending) => void;
}

/**
 * Starts a command that keeps these locks: should this process be killed, they stay held until the command ends. It
 * inherits their descriptors; a lock that has none is held for it by its record.
 *
 * What is started inside of it may take the locks again, nested. It learns by HOLDFAST_RECOVERED, one name a line, of
 * which of them the last holder died. If it cannot be started, their next holders are told the same.
 *
 * @throws {NotStarted} @throws {UnwritableError} see `startOnRecord`.
 */
export function startUnder(locks: readonly Lock[], parts: UnderParts): Underling {
  const carriers = locks.map(descriptorsOf);
  const own = carriers.flatMap((each) => each ?? []);
  const isCarried = carriers.every((each) => each !== undefined);
  const record: Recorder = (child) => {
    for (const lock of locks) lock.recordChild(child);
  };
  const permits = parts.permits === undefined ? {} : { permits: parts.permits };
  const held = locks.map((lock) => ({ lock, ...permits, isOpen: admitNested(lock) }));
  const env = { ...parts.env, HOLDFAST_RECOVERED: recoveredOf(locks), ...heldVariable(held) };
  const command = start(
    locks,
    { ...parts, descriptors: [...parts.descriptors, ...own], env },
    record,
    isCarried,
  );
  trace?.(
    locks[0]?.path ?? 'no lock',
    `${parts.words[0]} runs as process ${command.pid}, and ${isCarried ? 'carries its locks' : 'has its locks by their records'}`,
  );
  const heirs = new Heirs(command, locks, isCarried);
  whenEnded(command, (ending) => {
    if ('error' in ending) for (const lock of locks) returnNews(lock);
    else heirs.inherit(ending);
    parts.onEnd?.(ending);
  });
  if (isCarried && command.pid !== undefined) record(identityOf(command.pid));
  return { process: command, signalled: () => heirs.signalled() };
}

function start(
  locks: readonly Lock[],
  parts: CommandParts,
  record: Recorder,
  isCarried: boolean,
): ChildProcess {
  try {
    return startCommand(parts, isCarried ? undefined : record);
  } catch (error) {
    if (error instanceof NotStarted) for (const lock of locks) returnNews(lock);
    throw error;
  }
}

/** The names of the locks whose last holder died, one a line, as messages show them; undefined where there is none. */
function recoveredOf(locks: readonly Lock[]): string | undefined {
  const names = locks.flatMap(({ recovered, resource }) => (recovered ? [printable(resource)] : []));
  return names.length === 0 ? undefined : names.join('\n');
}
