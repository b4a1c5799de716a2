import { type ChildProcess, spawn } from 'node:child_process';

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
 * The canary is `cat` with default signal dispositions in the same group. It dies of a signal to the group, and echoes
 * a byte otherwise. No clock is involved (trace; W this process, C the canary, S a signal):
 *  1. The kernel marks S pending for all members of a group in one system call, before any of them acts on it.
 *  2. W's handler runs and writes a byte to C. With S pending, C dies before it can read; without, it echoes.
 *  3. C's death can be told to W before S itself is: then C's successor is at work when W's handler runs. W remembers
 *     the death until the successor has echoed its first byte, which takes longer than S needs to reach W.
 *  4. S can be older than C. W's handler then runs before C's first echo, and an echo proves nothing.
 * When W dies, however it dies, C reads the end of its input and ends.
 */
export class Canary {
  #process: ChildProcess | undefined;
  #questions: Question[] = [];
  #diedOf: NodeJS.Signals | undefined;
  #greeted = false;

  constructor() {
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
      this.#questions.push({ signal, echo: this.#greeted ? 'alone' : 'unknown', answer });
      this.#process?.stdin?.write('?');
    });
  }

  #start(): void {
    this.#greeted = false;
    const process = spawn('cat', [], { stdio: ['pipe', 'pipe', 'ignore'], env: CAT_ENVIRONMENT });
    this.#process = process;
    process.on('error', () => this.#gone());
    process.on('close', (_code, signal) => this.#died(signal)); // after everything it echoed was read
    process.stdin.on('error', () => {}); // EPIPE: its exit is on the way
    process.stdout.on('data', (bytes: Buffer) => this.#echoed(bytes.length));
    process.stdin.write('!');
    process.unref();
    for (const stream of [process.stdin, process.stdout]) (stream as unknown as NodeJS.RefCounted).unref();
  }

  #echoed(count: number): void {
    let answers = count;
    if (!this.#greeted) {
      this.#greeted = true;
      this.#diedOf = undefined;
      answers--;
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

const CAT_ENVIRONMENT = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' };
