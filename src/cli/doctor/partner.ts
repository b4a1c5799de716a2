import { type ChildProcess, fork } from 'node:child_process';
import type { Degradation, Mode } from '../../engine/engine.ts';
import { clearTimeout, setTimeout } from '../../time/time.ts';

const DEADLINE_MS = 20_000;

/** What a partner can be asked for. Paths lie in the scratch directory. */
export interface Orders {
  /** One attempt to lock a file, which never waits. */
  readonly try: { readonly file: string; readonly mode: Mode };
  /** Locks a file, waiting for it. */
  readonly wait: { readonly file: string; readonly mode: Mode };
  readonly release: { readonly file: string };
  /** Gives a file a second name, or a directory another one. */
  readonly link: { readonly from: string; readonly to: string };
  readonly rename: { readonly from: string; readonly to: string };
  readonly clock: Record<never, never>;
}

/** What it answers. Times are milliseconds of the clock that all processes share, at which the order was carried out. */
export interface Answer {
  readonly done: boolean;
  readonly at: number;
  /** Why not, as the system names it. */
  readonly code?: string;
  readonly contract?: string;
  readonly degraded?: readonly Pick<Degradation, 'reason' | 'detail'>[];
  readonly recovered?: boolean;
}

export type Order = {
  [Name in keyof Orders]: { readonly order: Name; readonly with: Orders[Name] };
}[keyof Orders];
export type Message = { readonly answer: Answer } | { readonly error: string } | { readonly waits: true };

/** A second process that does what it is told, so that two processes meet. It serves one order at a time. */
export class Partner {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(scratch: string) {
    const program = process.argv[1] as string;
    this.#child = fork(program, ['doctor', '--partner', scratch], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child.on('error', () => {}); // the question that is not answered tells
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.once('error', resolve);
    });
  }

  /** @throws when it fails, ends or says nothing for twenty seconds. */
  async ask<Name extends keyof Orders>(order: Name, what: Orders[Name]): Promise<Answer> {
    const heard = this.#hear((message) => !('waits' in message));
    this.#child.send({ order, with: what });
    const message = await heard;
    if ('error' in message) throw new Error(message.error);
    return (message as { readonly answer: Answer }).answer;
  }

  /** Resolves when the wait that it was asked for has begun. */
  async waits(): Promise<void> {
    const message = await this.#hear(() => true);
    if ('error' in message) throw new Error(message.error);
    if ('answer' in message) throw new Error('the lock was granted although another process holds it');
  }

  /** Kills it as nothing can prevent, and resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async #hear(wanted: (message: Message) => boolean): Promise<Message> {
    let listener: (message: Message) => void = () => {};
    let timer: NodeJS.Timeout | undefined;
    const heard = new Promise<Message>((resolve, reject) => {
      listener = (message) => {
        if (wanted(message)) resolve(message);
      };
      this.#child.on('message', listener);
      timer = setTimeout(() => reject(new Error(SILENCE)), DEADLINE_MS);
      void this.#ended.then(() => reject(new Error('a process that was started for this ended by itself')));
    });
    try {
      return await heard;
    } finally {
      clearTimeout(timer);
      this.#child.off('message', listener);
    }
  }
}

const SILENCE = `no answer within ${DEADLINE_MS / 1000}s: a call of the file system hangs, or a wake-up was lost`;
