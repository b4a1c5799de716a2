import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { processFacts } from '../../identity/index.ts';
import { onceTold } from './once-told.ts';
import { STOPPING } from './passed.ts';
import { send } from './send.ts';
import { startStoppable } from './suspension.ts';

/** `group`: the whole process group got the signal. `alone`: only this process. `unknown`: it cannot be told. */
export type Audience = 'group' | 'alone' | 'unknown';

interface Question {
  readonly signal: NodeJS.Signals;
  /** What an echo means: `unknown` while the signal may be older than the canary. */
  readonly echo: 'alone' | 'unknown';
  readonly answer: (audience: Audience) => void;
}

/**
 * Tells whether a signal went to the whole process group, as Ctrl-C does, or to this process alone, as `kill` does.
 *
 * The canary is the system's own `cat`, whatever PATH says, with default signal dispositions in the same group. It dies,
 * or stops, of a signal to the group, and echoes a byte otherwise. No clock is involved (trace; W this process, C the
 * canary, S a signal):
 *  1. The kernel marks S pending for all members of a group in one system call, before any of them acts on it.
 *  2. W's handler runs and writes a byte to C. With S pending, C dies before it can read; without, it echoes.
 *  3. C's death can be told to W before S itself is: then C's successor is at work when W's handler runs. W remembers
 *     the death until the successor has echoed its first byte, and whatever W took by then was told (`onceTold`). S is
 *     among that, for Linux gives a process its signals by number, and all that are passed on come before SIGCHLD. To
 *     remember the death for longer would be worse: a signal that somebody sent to C would then keep a later one to W from
 *     the command.
 *  4. S can be older than C. W's handler then runs before the end of step 3, and an echo proves nothing.
 *  5. S stops: C stops before it can read, and SIGCHLD has W look. W lets C go on, whose echo answers nothing any more.
 * When W dies, however it dies, C reads the end of its input and ends.
 */
export class Canary {
  readonly #onStart: () => void;
  readonly #cat: string | undefined;
  #process: ChildProcess | undefined;
  #questions: Question[] = [];
  #diedOf: NodeJS.Signals | undefined;
  #greeted = false;
  /** Whether every signal that is older than the canary was told. */
  #isSettled = false;
  #isWatched = false;

  /**
   * @param onStart called after each start of a process, during which no signal that stops was handled.
   * @param cat the program: it echoes what it reads.
   */
  constructor(onStart: () => void, cat: string | undefined = CATS.find((file) => existsSync(file))) {
    this.#onStart = onStart;
    this.#cat = cat;
    this.#start();
  }

  /** Who got the signal that this process is handling now. */
  audienceOf(signal: NodeJS.Signals): Promise<Audience> {
    if (this.#diedOf === signal) {
      this.#diedOf = undefined;
      return Promise.resolve('group');
    }
    if (this.#process === undefined) return Promise.resolve('unknown');
    return new Promise((answer) => {
      this.#questions.push({ signal, echo: this.#isSettled ? 'alone' : 'unknown', answer });
      this.#process?.stdin?.write('?');
      if (STOPPING.includes(signal)) this.#watch();
    });
  }

  /** Has it looked at whether the canary stands still, now and whenever the system says that a child does. */
  #watch(): void {
    if (!this.#isWatched) process.on('SIGCHLD', () => this.#look());
    this.#isWatched = true;
    this.#look();
  }

  #look(): void {
    const pid = this.#process?.pid;
    if (pid === undefined || processFacts.isStopped(pid) !== true) return;
    for (const question of this.#questions) if (STOPPING.includes(question.signal)) question.answer('group');
    send(pid, 'SIGCONT');
  }

  #start(): void {
    this.#greeted = false;
    this.#isSettled = false;
    if (this.#cat === undefined) return;
    const canary = startStoppable(() => started(this.#cat as string));
    this.#onStart();
    if (canary === undefined) {
      this.#gone();
      return;
    }
    this.#process = canary;
    canary.on('error', () => this.#gone());
    canary.on('close', (_code, signal) => this.#died(signal)); // after everything it echoed was read
    canary.stdin.on('error', () => {}); // EPIPE: its exit is on the way
    canary.stdout.on('data', (bytes: Buffer) => this.#echoed(bytes.length));
    canary.stdin.write('!');
    canary.unref();
    for (const stream of [canary.stdin, canary.stdout]) {
      (stream as Partial<NodeJS.RefCounted>).unref?.(); // Bun's have none, and keep nobody alive
    }
  }

  #echoed(count: number): void {
    let answers = count;
    if (!this.#greeted) {
      this.#greeted = true;
      answers--;
      const greeting = this.#process;
      onceTold(() => {
        if (this.#process !== greeting) return;
        this.#isSettled = true;
        this.#diedOf = undefined;
      });
    }
    for (const { answer, echo } of this.#questions.splice(0, answers)) answer(echo);
  }

  #died(signal: NodeJS.Signals | null): void {
    const asked = this.#questions.splice(0);
    if (signal === null) {
      this.#gone(asked);
      return;
    }
    const first = asked.find((question) => question.signal === signal);
    for (const question of asked) question.answer(question === first ? 'group' : 'unknown');
    this.#diedOf = first === undefined ? signal : undefined;
    this.#start();
  }

  /** No `cat` here, or it ended by itself: nothing can be told any more. */
  #gone(asked = this.#questions.splice(0)): void {
    this.#process = undefined;
    for (const { answer } of asked) answer('unknown');
  }
}

/** Undefined where there is no descriptor, process or memory left for it. */
function started(cat: string): ChildProcessByStdio<Writable, Readable, null> | undefined {
  try {
    const process = spawn(cat, [], { stdio: ['pipe', 'pipe', 'ignore'], env: CAT_ENVIRONMENT });
    if (process.stdin !== undefined) return process; // of one that was not started, Node.js makes no streams
    process.on('error', () => {});
    return undefined;
  } catch {
    return undefined;
  }
}

const CATS = ['/bin/cat', '/usr/bin/cat'];
const CAT_ENVIRONMENT = { LC_ALL: 'C' };
