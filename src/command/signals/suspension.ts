import { processFacts } from '../../identity/index.ts';
import { trace } from '../../trace/trace.ts';
import { STOPPING } from './passed.ts';
import { isStoppingBySignal } from './process-status.ts';

/**
 * Stops this process with the command that it runs, so that whoever has stopped the job sees all of it stopped.
 *
 * Trace (W this process, C the command, S a signal that stops):
 *  1. Ctrl-Z: the kernel marks S for W and C. S to W alone: W passes it on. C stops at once, or handles S first.
 *  2. W runs on until it sees C stopped: SIGCHLD has it look. Then W takes the default action of S, and its parent sees it
 *     stopped by S, as it would see C.
 *  3. C never stops: W does not either, and a CONT or the next S begins anew.
 *  4. CONT to the group has both go on; to W alone, W finds C stopped, or about to be, and passes it on. W may still be
 *     asking who got an S that came before: it passes on first that one, then CONT, and does not stop.
 *  5. CONT comes between W's look and its own stop: W stands still while C works. C has the lock, and W goes on at the
 *     next CONT.
 *  6. C is killed while both stand still: W learns of it when it goes on, and keeps the lock until then, as a shell keeps
 *     a stopped job.
 */
export class Suspension {
  readonly #command: number;
  #by: NodeJS.Signals | undefined;
  #isWatching = false;

  constructor(command: number) {
    this.#command = command;
  }

  /** It stands still, or is to at its next turn on a processor. */
  get isCommandStopping(): boolean {
    return this.#isCommandStopped || isStoppingBySignal(this.#command);
  }

  get #isCommandStopped(): boolean {
    return processFacts.isStopped(this.#command) === true;
  }

  /** The command has got a signal that stops it, if it does not handle that. */
  begin(signal: NodeJS.Signals): void {
    this.#by = signal;
    if (!this.#isWatching) process.on('SIGCHLD', () => this.#look());
    this.#isWatching = true;
    this.#look(); // it may have stopped already
  }

  /** A signal that stops may have come while nobody listened. */
  missed(): void {
    if (isStoppingBySignal(this.#command)) this.begin('SIGTSTP');
  }

  /** Somebody wants it to go on. */
  over(): void {
    this.#by = undefined;
  }

  #look(): void {
    const signal = this.#by;
    if (signal === undefined || !this.#isCommandStopped) return;
    this.#by = undefined;
    trace?.(`process ${this.#command}`, `is stopped, and so is this one, by ${signal}`);
    stopBy(signal);
  }
}

/** Takes the default action of a signal that stops; returns when this process goes on. */
function stopBy(signal: NodeJS.Signals): void {
  withDefaultAction([signal], () => process.kill(process.pid, signal));
}

/**
 * Starts a process of this group, so that Ctrl-Z in that very moment stops this one as well, and fg has both go on.
 *
 * Trace (W this process, N the new one, before it runs its program):
 *  1. Node.js has W stand still until N runs its program, or is known not to.
 *  2. Ctrl-Z now: N stops. If W had a handler, it would stand still without being stopped, and the shell would wait for it
 *     for ever. By the default action W stops too; a CONT to the group has N run its program, and W go on.
 *  3. TSTP to W alone: W stops, and nothing is passed on. It goes on at a CONT, as if it had got STOP.
 *  4. Ctrl-Z just before: W has caught it, and its handler was put away. The caller looks whether the command is stopped,
 *     or has it pending: on a busy machine it may not have had a turn yet.
 * So it is with the command itself, whose start comes before there are handlers to put away.
 */
export function startStoppable<T>(start: () => T): T {
  return withDefaultAction(STOPPING, start);
}

function withDefaultAction<T>(signals: readonly NodeJS.Signals[], call: () => T): T {
  const putAway = signals.map((signal) => ({ signal, listeners: process.listeners(signal) }));
  for (const { signal } of putAway) process.removeAllListeners(signal);
  try {
    return call();
  } finally {
    for (const { signal, listeners } of putAway) for (const each of listeners) process.on(signal, each);
  }
}
