import type { ChildProcess } from 'node:child_process';
import { trace } from '../../trace/trace.ts';
import { Canary } from './canary.ts';
import { catches, isInForeground } from './process-status.ts';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/** Milliseconds. A signal that comes earlier is passed on by what is likely, if the command handles it by then at all. */
const CANARY_AFTER = 5;
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGHUP'];

/** A signal that came before there was a command to pass it on to. */
export class Interrupted extends Error {
  readonly signal: NodeJS.Signals;
  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

/**
 * The signals this process gets on behalf of the command it runs. Before there is a command, the first one ends the
 * wait. Afterwards each is passed on unless the command got it itself: the command stays in this process group, for the
 * sake of pipelines and job control, so a Ctrl-C reaches both.
 */
export class Signals {
  readonly #interrupted = new AbortController();
  #command: ChildProcess | undefined;
  #canary: Canary | undefined;

  constructor() {
    for (const signal of FORWARDED) process.on(signal, () => this.#receive(signal));
  }

  /** Aborts with `Interrupted` when a signal arrives before the command was started. */
  get interrupted(): AbortSignal {
    return this.#interrupted.signal;
  }

  /** From now on signals are for this command. */
  passTo(command: ChildProcess): void {
    this.#command = command;
    // Starting a process takes milliseconds, which a command that is over sooner need not wait for.
    setTimeout(() => {
      if (command.exitCode === null && command.signalCode === null) this.#canary = new Canary();
    }, CANARY_AFTER);
  }

  #receive(signal: NodeJS.Signals): void {
    if (this.#command === undefined) this.#interrupted.abort(new Interrupted(signal));
    else void this.#passOn(signal, this.#command);
  }

  async #passOn(signal: NodeJS.Signals, command: ChildProcess): Promise<void> {
    const { pid } = command;
    // Without a handler, the second of two deliveries cannot be told from the first.
    if (pid !== undefined && catches(pid, signal) === false) {
      trace?.(`process ${pid}`, `gets ${signal}, which it has no handler for`);
      command.kill(signal);
      return;
    }
    const audience = (await this.#canary?.audienceOf(signal)) ?? 'unknown';
    trace?.(
      `process ${pid}`,
      `gets ${signal} unless the terminal sent it there too; who got it: ${audience}`,
    );
    if (audience === 'alone' || (audience === 'unknown' && isProbablyAlone(signal))) command.kill(signal);
  }
}

function isProbablyAlone(signal: NodeJS.Signals): boolean {
  return !(FROM_TERMINAL.includes(signal) && isInForeground());
}
