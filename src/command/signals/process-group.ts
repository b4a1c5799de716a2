import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { systemCode } from '../../errors/base.ts';
import { after } from '../../lock/deadline.ts';
import { pause } from '../../time/time.ts';
import { trace } from '../../trace/trace.ts';
import { outlivesLeader } from './group-members.ts';
import { STOPPING } from './passed.ts';
import { catches } from './process-status.ts';
import { send } from './send.ts';
import { Interrupted } from './signals.ts';
import { Suspension } from './suspension.ts';

/** How long a command that is to stop has until what is left of it is killed, if nobody says otherwise. Milliseconds. */
export const DEFAULT_GRACE = 10_000;

const LOOK_EVERY = 20;
/** Milliseconds in which what was killed is gone, unless the system keeps it. */
const AFTERMATH = 2_000;

/** The signals after which a command is to be over, when its grace period is. */
const ENDING: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'];

/**
 * The process group that a command leads, a child of this process in a session of its own.
 *
 * Every signal is passed on to the whole group, each time it comes. One that ends things begins the grace period, at the
 * end of which whatever is left of the group is killed; until it has gone, the command is not over. One that stops, such as
 * that of Ctrl-Z, would be ignored by a group whose session has no other: unless the command handles it, the group gets
 * STOP, and this process stops with it. What goes on after that has the whole grace period again.
 */
export class ProcessGroup {
  readonly #leader: number;
  readonly #grace: () => number;
  readonly #suspension: Suspension;
  #begun: NodeJS.Signals | undefined;
  #calledOff = () => {};
  /** The grace period is over. */
  #isDue = false;
  #isLeaderOver = false;

  /** `grace`: in milliseconds; asked for when the group is to stop. */
  constructor({ pid = 0 }: ChildProcess, grace: () => number) {
    this.#leader = pid;
    this.#grace = grace;
    this.#suspension = new Suspension(pid);
  }

  /** The first signal that was to end it: whatever exit code the command then ends with is not a result. */
  get begun(): NodeJS.Signals | undefined {
    return this.#begun;
  }

  /** Passes a signal on. */
  take(signal: NodeJS.Signals): void {
    if (this.#leader === 0 || (this.#isLeaderOver && !outlivesLeader(this.#leader))) return;
    trace?.(`group ${this.#leader}`, `gets ${signal}`);
    if (signal === 'SIGCONT') this.#suspension.over();
    this.#send(signal);
    if (STOPPING.includes(signal)) {
      if (catches(this.#leader, signal) !== true) this.#send('SIGSTOP');
      this.#suspension.begin(signal);
    }
    const begins = this.#begun === undefined && ENDING.includes(signal);
    if (begins) this.#begun = signal;
    if (begins || (this.#begun !== undefined && signal === 'SIGCONT')) this.#count();
  }

  /** Stops it when the signal aborts; the reason may be, or name, the signal to do it by. Returns what stops listening. */
  stopAt(signal: AbortSignal): () => void {
    const stop = () => this.take(signalOf(signal.reason));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    return () => signal.removeEventListener('abort', stop);
  }

  /** The leader has ended. Resolves at once if that was of its own accord, else when the whole group has gone. */
  async gone(): Promise<void> {
    this.#isLeaderOver = true;
    let left = AFTERMATH;
    while (this.#begun !== undefined && left > 0 && outlivesLeader(this.#leader)) {
      await pause(LOOK_EVERY);
      if (this.#isDue) left -= LOOK_EVERY; // at its end, the system keeps what was killed
    }
    this.#calledOff();
  }

  /** Begins the grace period. */
  #count(): void {
    this.#calledOff();
    this.#isDue = false;
    this.#calledOff = after(this.#grace(), () => this.#kill(), 'alive');
  }

  #kill(): void {
    this.#isDue = true;
    if (!this.#isLeaderOver || outlivesLeader(this.#leader)) this.#send('SIGKILL');
  }

  /** A command that has become another user, such as by sudo, gets no signal of this one: it goes on, and is waited for. */
  #send(signal: NodeJS.Signals): void {
    try {
      send(this.#leader, signal, 'group');
    } catch (error) {
      const why = `${signal} cannot be sent to the command (process ${this.#leader}): ${systemCode(error)}`;
      trace?.(`group ${this.#leader}`, why);
      if (ENDING.includes(signal)) process.emitWarning(`${why}, so it goes on until it ends by itself`);
    }
  }
}

function signalOf(reason: unknown): NodeJS.Signals {
  if (reason instanceof Interrupted) return reason.signal;
  return typeof reason === 'string' && reason in constants.signals ? (reason as NodeJS.Signals) : 'SIGTERM';
}
