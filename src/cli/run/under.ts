import type { ChildProcess } from 'node:child_process';
import { printable } from '../../errors/describe.ts';
import type { Lock } from '../../lock/lock.ts';
import { trace } from '../../trace/trace.ts';
import { note } from '../output/text.ts';
import { report } from '../report.ts';
import type { GlobalOptions } from '../settings.ts';
import { startCommand, whenEnded } from './command.ts';
import { heldVariable } from './held.ts';
import { identityOf, type Recorder } from './on-record/index.ts';
import type { Signals } from './signals.ts';

export interface RunParts {
  /** The command and its arguments. */
  readonly words: readonly [string, ...string[]];
  /** The file to run instead of the first word. */
  readonly file?: string;
  /** What its environment has on top of this process'. */
  readonly env?: NodeJS.ProcessEnv;
  /** Descriptors that this process was started with, for the command. */
  readonly inherited: readonly number[];
  readonly signals: Signals;
  readonly options: GlobalOptions;
}

/** Runs a command that carries these locks, and ends this process in the moment the command ends, with its exit code. */
export function runUnder(
  locks: readonly Lock[],
  { words, file, env, inherited, signals, options }: RunParts,
): void {
  for (const { detail } of locks.flatMap(({ degraded }) => degraded)) note(`warning: ${printable(detail)}`);
  const own = locks.flatMap(({ descriptor }) => descriptor ?? []);
  const parts = {
    words: file === undefined ? words : ([file, ...words.slice(1)] as const),
    // The command carries the locks itself: should this process be killed, they stay held until the command ends.
    descriptors: [...inherited, ...own],
    env: { ...process.env, ...env, ...heldVariable(locks.map(({ path }) => path)) },
  };
  const record: Recorder = (child) => {
    for (const lock of locks) lock.recordChild(child);
  };
  const isCarried = own.length === locks.length;
  const command = start(locks, () => startCommand(parts, isCarried ? undefined : record));
  const subject = locks[0]?.path ?? 'no lock';
  trace?.(
    subject,
    `${words[0]} runs as process ${command.pid}, and ${isCarried ? 'carries its locks' : 'has its locks by their records'}`,
  );
  whenEnded(command, (outcome) => {
    trace?.(subject, `${words[0]} ended: ${'error' in outcome ? outcome.error : outcome.exitCode}`);
    release(locks);
    process.exit('error' in outcome ? report(outcome.error, options) : outcome.exitCode);
  });
  signals.passTo(command);
  if (isCarried && command.pid !== undefined) record(identityOf(command.pid));
}

/** A command that was not started has nothing to be told of, neither has the next holder. */
function start(locks: readonly Lock[], startCommand: () => ChildProcess): ChildProcess {
  try {
    return startCommand();
  } catch (error) {
    release(locks);
    throw error;
  }
}

function release(locks: readonly Lock[]): void {
  for (const lock of [...locks].reverse()) void lock.release();
}
