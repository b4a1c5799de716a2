import { once } from 'node:events';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import type { AcquireOptions } from 'holdfast';
import { onTestFinished } from 'vitest';
import { fixture } from './child.ts';
import { within } from './deadline.ts';

/** A worker thread of the test process, ended with the test. It says so when it is ready. */
export class Thread {
  readonly worker: Worker;
  readonly #unread: unknown[] = [];
  #reader: ((message: unknown) => void) | undefined;

  private constructor(program: string, options: WorkerOptions) {
    this.worker = new Worker(fixture(program), options);
    this.worker.on('message', (message) => {
      if (this.#reader === undefined) this.#unread.push(message);
      else this.#reader(message);
      this.#reader = undefined;
    });
    onTestFinished(() => void this.worker.terminate());
  }

  /** One that takes and gives back locks as it is told. */
  static start(home: string): Promise<Thread> {
    return Thread.run('hold-thread.mjs', { env: { ...process.env, HOLDFAST_HOME: home } });
  }

  /** One that runs a program in test/fixtures. */
  static async run(program: string, options: WorkerOptions): Promise<Thread> {
    const thread = new Thread(program, options);
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

  /** Has the thread end by itself. */
  async exit(): Promise<void> {
    const exited = once(this.worker, 'exit');
    this.worker.postMessage({ step: 'exit', args: [] });
    await within(exited, 'waiting for the end of a thread');
  }

  async terminate(): Promise<void> {
    await within(this.worker.terminate(), 'terminating a thread');
  }
}
