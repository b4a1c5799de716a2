import { Worker } from 'node:worker_threads';
import type { AcquireOptions } from 'holdfast';
import { onTestFinished } from 'vitest';
import { fixture } from './child.ts';
import { within } from './deadline.ts';

/** A worker thread of the test process that takes and gives back locks as it is told. */
export class Thread {
  readonly worker: Worker;
  readonly #unread: unknown[] = [];
  #reader: ((message: unknown) => void) | undefined;

  private constructor(home: string) {
    this.worker = new Worker(fixture('hold-thread.mjs'), { env: { ...process.env, HOLDFAST_HOME: home } });
    this.worker.on('message', (message) => {
      if (this.#reader === undefined) this.#unread.push(message);
      else this.#reader(message);
      this.#reader = undefined;
    });
    onTestFinished(() => void this.worker.terminate());
  }

  static async start(home: string): Promise<Thread> {
    const thread = new Thread(home);
    await thread.message();
    return thread;
  }

  /** What the thread says next. */
  message(): Promise<unknown> {
    const next = new Promise((resolve) => {
      if (this.#unread.length > 0) resolve(this.#unread.shift());
      else this.#reader = resolve;
    });
    return within(next, 'waiting for a message of a thread');
  }

  tell(step: string, name = '', options: AcquireOptions = {}): Promise<unknown> {
    this.worker.postMessage({ step, args: [name, options] });
    return this.message();
  }

  async terminate(): Promise<void> {
    await within(this.worker.terminate(), 'terminating a thread');
  }
}
