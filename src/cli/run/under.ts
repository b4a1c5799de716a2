import { printable } from '../../errors/describe.ts';
import { processFacts } from '../../identity/index.ts';
import type { Lock } from '../../lock/lock.ts';
import { note } from '../output/text.ts';
import { report } from '../report.ts';
import type { GlobalOptions } from '../settings.ts';
import { startCommand, whenEnded } from './command.ts';
import { heldVariable } from './held.ts';
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
  const command = startCommand({
    words: file === undefined ? words : [file, ...words.slice(1)],
    // The command carries the locks itself: should this process be killed, they stay held until the command ends.
    descriptors: [...inherited, ...own],
    env: { ...process.env, ...env, ...heldVariable(locks.map(({ path }) => path)) },
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
