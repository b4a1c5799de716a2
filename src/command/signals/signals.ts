import { setTimeout } from '../../time/time.ts';
import { trace } from '../../trace/trace.ts';
import type { Underling } from '../under.ts';
import { Canary } from './canary.ts';
import { FIRST, FROM_TERMINAL, HARMLESS, NEXT, STOPPING } from './passed.ts';
import { catches, isInForeground } from './process-status.ts';
import { Suspension } from './suspension.ts';

/** Milliseconds. A signal that comes earlier is passed on by what is likely, if the command handles it by then at all. */
const CANARY_AFTER = 5;

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
  #receiver: Receiver | undefined;

  constructor() {
    this.#listenTo(FIRST);
  }

  /** Aborts with `Interrupted` when a signal arrives before the command was started. */
  get interrupted(): AbortSignal {
    return this.#interrupted.signal;
  }

  /**
   * Starts a command: from its first instant, signals that this process has a default action for otherwise are for the
   * command. Those that stop follow when it is started; see `startStoppable`.
   */
  passTo(start: () => Underling): void {
    this.#listenTo(NEXT.filter((signal) => !STOPPING.includes(signal)));
    this.#receiver = new Receiver(start());
    this.#listenTo(STOPPING);
  }

  #listenTo(signals: readonly NodeJS.Signals[]): void {
    for (const signal of signals) process.on(signal, () => this.#receive(signal));
  }

  #receive(signal: NodeJS.Signals): void {
    if (this.#receiver === undefined) this.#interrupted.abort(new Interrupted(signal));
    else void this.#receiver.take(signal);
  }
}

/** The command, to whom signals are passed on. */
class Receiver {
  readonly #underling: Underling;
  readonly #suspension: Suspension;
  #canary: Canary | undefined;
  /** The last signal that stops, until the command has got it. */
  #stop: Promise<void> = Promise.resolve();
  /** How often this process was told to go on. */
  #continued = 0;

  constructor(underling: Underling) {
    const { process: command } = underling;
    const suspension = new Suspension(command.pid ?? 0);
    this.#underling = underling;
    this.#suspension = suspension;
    // Starting a process takes milliseconds, which a command that is over sooner need not wait for.
    setTimeout(() => {
      if (command.exitCode !== null || command.signalCode !== null) return;
      this.#canary = new Canary(() => suspension.missed());
    }, CANARY_AFTER);
  }

  async take(signal: NodeJS.Signals): Promise<void> {
    if (signal === 'SIGCONT') return this.#goOn();
    const { signalled } = this.#underling;
    if (!STOPPING.includes(signal) && !HARMLESS.includes(signal)) signalled(); // by this process, or with the group
    const passedOn = this.#passOn(signal);
    if (!STOPPING.includes(signal)) return passedOn;
    const continued = this.#continued;
    this.#stop = passedOn;
    await passedOn;
    if (continued === this.#continued) this.#suspension.begin(signal);
  }

  /** One that the whole group got has set the command going already. */
  async #goOn(): Promise<void> {
    this.#continued++;
    this.#suspension.over();
    await this.#stop; // which came before it, and must not reach the command after it
    if (this.#suspension.isCommandStopping) this.#underling.process.kill('SIGCONT');
  }

  async #passOn(signal: NodeJS.Signals): Promise<void> {
    const { process: command } = this.#underling;
    const { pid } = command;
    // Without a handler, the second of two deliveries cannot be told from the first; unless a CONT comes between them.
    if (!STOPPING.includes(signal) && pid !== undefined && catches(pid, signal) === false) {
      trace?.(`process ${pid}`, `gets ${signal}, which it has no handler for`);
      command.kill(signal);
      return;
    }
    const isTold = !HARMLESS.includes(signal); // the canary survives those
    const audience = (isTold ? await this.#canary?.audienceOf(signal) : undefined) ?? 'unknown';
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
